package dev.nibble.engine.exchange.onnx.graph;

import org.jspecify.annotations.Nullable;

/** What a name stands for while a graph is read. */
sealed interface Value permits Constant, Value.Computed {
  /**
   * What depends on the pictures.
   *
   * @param id of the draft that computes it
   * @param shape null where something before it is not supported
   */
  record Computed(int id, @Nullable Shape shape) implements Value {}
}
