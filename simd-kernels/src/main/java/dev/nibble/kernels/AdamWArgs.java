package dev.nibble.kernels;

import java.lang.foreign.MemorySegment;

/**
 * The buffers and constants of AdamW (Loshchilov and Hutter 2019): {@code m = beta1 m + (1 - beta1)
 * g}, {@code s = beta2 s + (1 - beta2) g g}, {@code w = (1 - rate weightDecay) w - rate (m /
 * correction1) / (sqrt(s / correction2) + epsilon)}.
 *
 * @param size values
 * @param weights fp32, updated
 * @param gradients fp32
 * @param mean fp32, the running mean m of the gradients, updated
 * @param square fp32, the running mean s of their squares, updated
 * @param beta1 what m keeps, 0 up to but not including 1
 * @param beta2 what s keeps, 0 up to but not including 1
 * @param epsilon keeps the division finite, not negative
 */
public record AdamWArgs(
    int size,
    MemorySegment weights,
    MemorySegment gradients,
    MemorySegment mean,
    MemorySegment square,
    double beta1,
    double beta2,
    double epsilon) {
  /** Checks every buffer against the size. */
  public AdamWArgs {
    ArgumentChecks.check(weights, 4L * size, "weights");
    ArgumentChecks.check(gradients, 4L * size, "gradients");
    ArgumentChecks.check(mean, 4L * size, "mean of the gradients");
    ArgumentChecks.check(square, 4L * size, "mean of the squares");
  }
}
