import org.jspecify.annotations.NullMarked;

/** The programs a user starts from. */
@NullMarked
module dev.nibble.samples {
  requires dev.nibble.engine;
  requires info.picocli;
  requires static transitive org.jspecify;

  opens dev.nibble.samples to
      info.picocli;
}
