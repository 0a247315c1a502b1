package dev.nibble.engine.exchange;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.function.Supplier;

/**
 * A tensor to be written, whose data is asked for when its turn comes.
 *
 * @param info its name, type and shape
 * @param data gives its elements in row-major order, little-endian; the segment may be one that the
 *     next tensor's data is put into later, so that axes can be turned through one small buffer
 */
public record TensorSource(TensorInfo info, Supplier<MemorySegment> data) {
  private static final ValueLayout.OfFloat LITTLE_ENDIAN_FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /**
   * Returns a tensor whose data lies ready.
   *
   * @throws IllegalArgumentException if the data has not as many bytes as the info says
   */
  public static TensorSource of(TensorInfo info, MemorySegment data) {
    Tensor checked = new Tensor(info, data);
    return new TensorSource(info, checked::data);
  }

  /**
   * Returns an F32 tensor with these elements, which are copied.
   *
   * @throws IllegalArgumentException if the shape has not as many elements as there are values
   */
  public static TensorSource floats(String name, float[] values, long... shape) {
    byte[] bytes = new byte[Math.multiplyExact(values.length, Float.BYTES)];
    MemorySegment data = MemorySegment.ofArray(bytes);
    MemorySegment.copy(values, 0, data, LITTLE_ENDIAN_FLOAT, 0, values.length);
    return of(TensorInfo.of(name, DType.F32, shape), data);
  }
}
