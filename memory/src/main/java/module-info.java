import org.jspecify.annotations.NullMarked;

/** Owns every off-heap byte: plans it, accounts for it, hands it out, gives it back. */
@NullMarked
module dev.nibble.memory {
  requires static transitive org.jspecify;

  exports dev.nibble.memory;
  exports dev.nibble.memory.plan;
}
