package dev.nibble.kernels;

import java.lang.foreign.MemorySegment;

/**
 * The buffers of the input stage: {@code x = (byte / 255 - mean) / std}, after a crop of the
 * picture padded by {@code padding} zeros (that is, by the mean colour), mirrored where asked.
 *
 * @param map shape of one picture, in and out
 * @param batch pictures that the buffers hold
 * @param pictures unsigned bytes N,H,W,C
 * @param crops N triples of 32-bit integers (dy, dx, mirror): output (y, x) reads source row {@code
 *     y + dy - padding} and column {@code x' + dx - padding} with {@code x' = mirror ? W-1-x : x}
 * @param padding the offset that leaves a picture in place
 * @param mean C floats, in units of 0..1
 * @param std C floats, in units of 0..1
 * @param pictureMean whether each picture's own mean over all its values is taken instead of {@code
 *     mean}
 * @param x fp32 N,H,W,C, written
 */
public record InputArgs(
    FeatureMap map,
    int batch,
    MemorySegment pictures,
    MemorySegment crops,
    int padding,
    MemorySegment mean,
    MemorySegment std,
    boolean pictureMean,
    MemorySegment x) {
  /** Checks every buffer against the shapes. */
  public InputArgs {
    ArgumentChecks.check(pictures, (long) batch * map.values(), "pictures");
    ArgumentChecks.check(crops, 12L * batch, "crops");
    ArgumentChecks.check(mean, 4L * map.channels(), "mean");
    ArgumentChecks.check(std, 4L * map.channels(), "std");
    ArgumentChecks.check(x, batch * map.bytes(), "input");
    if (padding < 0) {
      throw new IllegalArgumentException("The padding must not be negative");
    }
  }
}
