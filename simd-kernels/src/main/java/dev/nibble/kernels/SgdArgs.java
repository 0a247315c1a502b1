package dev.nibble.kernels;

import java.lang.foreign.MemorySegment;

/**
 * The buffers of SGD with momentum: {@code v = momentum * v + (gradient + weightDecay * w)}, {@code
 * w -= rate * v}.
 *
 * @param size values
 * @param weights fp32, updated
 * @param gradients fp32
 * @param momentum fp32, updated
 */
public record SgdArgs(
    int size, MemorySegment weights, MemorySegment gradients, MemorySegment momentum) {
  /** Checks every buffer against the size. */
  public SgdArgs {
    ArgumentChecks.check(weights, 4L * size, "weights");
    ArgumentChecks.check(gradients, 4L * size, "gradients");
    ArgumentChecks.check(momentum, 4L * size, "momentum");
  }
}
