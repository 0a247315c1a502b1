package dev.nibble.engine.checkpoint;

import java.lang.foreign.MemorySegment;

/**
 * A named run of bytes in a checkpoint: weights, momentum, running statistics.
 *
 * @param name unique among its checkpoint's sections
 * @param data the bytes, little-endian where they are numbers
 */
public record Section(String name, MemorySegment data) {
  /**
   * Checks the name.
   *
   * @throws IllegalArgumentException if the name is empty
   */
  public Section {
    if (name.isEmpty()) {
      throw new IllegalArgumentException("a section needs a name");
    }
  }
}
