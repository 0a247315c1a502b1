import org.jspecify.annotations.NullMarked;

/** Decides what is computed, in which order, and where it lies. */
@NullMarked
module dev.nibble.engine {
  requires dev.nibble.kernels;
  requires dev.nibble.memory;
  requires static transitive org.jspecify;
}
