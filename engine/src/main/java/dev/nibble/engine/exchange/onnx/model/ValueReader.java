package dev.nibble.engine.exchange.onnx.model;

/** Reads a tensor's values in their order. */
public interface ValueReader {
  /**
   * Reads the next values as floats, widened or rounded.
   *
   * @throws dev.nibble.engine.protobuf.ProtobufException if there are fewer
   */
  void floats(float[] target, int at, int count);

  /**
   * Reads the next values as whole numbers; floats lose their fraction.
   *
   * @throws dev.nibble.engine.protobuf.ProtobufException if there are fewer
   */
  void integers(long[] target, int at, int count);
}
