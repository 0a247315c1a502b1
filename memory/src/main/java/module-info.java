import org.jspecify.annotations.NullMarked;

/** Owns every off-heap byte: plans it, accounts for it, hands it out, gives it back. */
@NullMarked
@SuppressWarnings("module") // the friend that a package is exported to is compiled later
module dev.nibble.memory {
  requires static org.jspecify;

  exports dev.nibble.memory;

  // Not for users: how the engine lays buffers into a slab.
  exports dev.nibble.memory.plan to
      dev.nibble.engine;
}
