package dev.nibble.engine.exchange;

import java.lang.foreign.MemorySegment;

/**
 * A tensor in memory.
 *
 * @param info its name, type and shape
 * @param data its elements in row-major order, little-endian; as many bytes as the info says
 */
public record Tensor(TensorInfo info, MemorySegment data) {
  /**
   * Checks the size.
   *
   * @throws IllegalArgumentException if the data has not as many bytes as the info says
   */
  public Tensor {
    if (data.byteSize() != info.bytes()) {
      throw new IllegalArgumentException(
          "tensor '%s' has %d bytes of data, its shape %s of %s needs %d"
              .formatted(info.name(), data.byteSize(), info.shape(), info.dtype(), info.bytes()));
    }
  }
}
