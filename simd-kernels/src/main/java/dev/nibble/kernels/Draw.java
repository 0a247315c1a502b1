package dev.nibble.kernels;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * The random numbers of {@link Operator.Dropout}, drawn by counting instead of remembering: a value
 * depends on the step's key, the layer's stream, the picture's number and the value's place alone.
 * So the backward pass draws again what the forward pass drew, and neither threads nor the cut of
 * the work change a bit.
 *
 * <p>The key lies in memory, {@link #BYTES} long: what the step is drawn from (seed and step, mixed
 * by whoever sets it), then the number that the batch's first picture has in all that a step runs.
 */
public final class Draw {
  /** Bytes of the key. */
  public static final long BYTES = 16;

  private static final int STEP = 0x9E3779B9;

  private Draw() {}

  /** Sets a step's key. */
  public static void set(MemorySegment key, long draws, long firstPicture) {
    key.set(JAVA_LONG_UNALIGNED, 0, draws);
    key.set(JAVA_LONG_UNALIGNED, 8, firstPicture);
  }

  /** What a picture's values are drawn from (Stafford's mix of splitmix64). */
  public static int picture(MemorySegment key, int stream, int picture) {
    long z = key.get(JAVA_LONG_UNALIGNED, 0);
    long number = key.get(JAVA_LONG_UNALIGNED, 8) + picture;
    z = mix(z + 0x9E3779B97F4A7C15L * (stream + 1L));
    z = mix(z + 0x9E3779B97F4A7C15L * (number + 1L));
    return (int) (z >>> 32);
  }

  private static long mix(long value) {
    long z = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /** A number of 24 bits for a value of a picture (Wellons' lowbias32, twice). */
  public static int value(int picture, int place) {
    int x = picture ^ (place * STEP);
    x = (x ^ (x >>> 16)) * 0x21F0AAAD;
    x = (x ^ (x >>> 15)) * 0x735A2D97;
    x = (x ^ (x >>> 15)) + picture;
    x = (x ^ (x >>> 16)) * 0x21F0AAAD;
    x = (x ^ (x >>> 15)) * 0x735A2D97;
    x ^= x >>> 15;
    return x >>> 8;
  }

  /** Values below this number become 0. */
  public static int threshold(float rate) {
    return (int) (rate * (1 << 24));
  }

  /** What the values that stay are multiplied by. */
  public static float scale(float rate) {
    return 1f / (1f - rate);
  }
}
