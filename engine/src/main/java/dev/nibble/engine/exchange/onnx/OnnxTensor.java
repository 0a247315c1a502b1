package dev.nibble.engine.exchange.onnx;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.protobuf.MessageWriter;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Constants of an ONNX graph as TensorProto messages, their data in little-endian bytes. */
final class OnnxTensor {
  private static final int FLOAT = 1;
  private static final int INT64 = 7;

  private OnnxTensor() {}

  /**
   * A parameter in the file's order of axes.
   *
   * @param values its values in memory order
   */
  static MessageWriter of(Parameter parameter, MemorySegment values) {
    return of(parameter.name(), parameter, values, parameter.shape());
  }

  /** A parameter of other extents, as many values. */
  static MessageWriter of(String name, Parameter parameter, MemorySegment values, int... shape) {
    MessageWriter tensor = new MessageWriter();
    for (int extent : shape) {
      tensor.integer(1, extent);
    }
    return tensor.integer(2, FLOAT).text(8, name).bytes(9, data(parameter, values));
  }

  /** A number. */
  static MessageWriter number(String name, float value) {
    ByteBuffer data = ByteBuffer.allocate(Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    data.putFloat(value);
    return new MessageWriter().integer(2, FLOAT).text(8, name).bytes(9, data.array());
  }

  /** A list of numbers. */
  static MessageWriter of(String name, float[] values) {
    return of(name, values, values.length);
  }

  /** Numbers of these extents. */
  static MessageWriter of(String name, float[] values, int... shape) {
    ByteBuffer data =
        ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(values);
    MessageWriter tensor = new MessageWriter();
    for (int extent : shape) {
      tensor.integer(1, extent);
    }
    return tensor.integer(2, FLOAT).text(8, name).bytes(9, data.array());
  }

  private static byte[] data(Parameter parameter, MemorySegment values) {
    int bytes = Math.multiplyExact(parameter.size(), Float.BYTES);
    ByteBuffer data = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    float[] inMemory = values.asSlice(0, 4L * parameter.size()).toArray(JAVA_FLOAT);
    data.asFloatBuffer().put(parameter.inFileOrder(inMemory));
    return data.array();
  }

  /** A list of whole numbers. */
  static MessageWriter of(String name, long... values) {
    ByteBuffer data =
        ByteBuffer.allocate(Long.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (long value : values) {
      data.putLong(value);
    }
    MessageWriter tensor = new MessageWriter().integer(1, values.length).integer(2, INT64);
    return tensor.text(8, name).bytes(9, data.array());
  }
}
