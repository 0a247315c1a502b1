package dev.nibble.kernels;

import java.lang.foreign.MemorySegment;

/**
 * The buffers of a weighted sum in place: {@code target = keep * target + add * source}.
 *
 * @param size values
 * @param target fp32, updated
 * @param source fp32; may be the target itself
 */
public record BlendArgs(int size, MemorySegment target, MemorySegment source) {
  /** Checks both buffers against the size. */
  public BlendArgs {
    ArgumentChecks.check(target, 4L * size, "blend's target");
    ArgumentChecks.check(source, 4L * size, "blend's source");
  }
}
