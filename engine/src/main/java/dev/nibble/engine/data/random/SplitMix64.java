package dev.nibble.engine.data.random;

/**
 * SplitMix64 as a counter-based generator: the n-th value of a key is a pure function of both, so a
 * resumed run draws what an uninterrupted one draws without any stored state.
 *
 * <p>Source: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
 */
public final class SplitMix64 {
  private static final long GAMMA = 0x9E3779B97F4A7C15L;

  private SplitMix64() {}

  /** Mixes 64 bits so that every input bit changes every output bit with probability one half. */
  public static long mix(long z) {
    long a = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    long b = (a ^ (a >>> 27)) * 0x94D049BB133111EBL;
    return b ^ (b >>> 31);
  }

  /** The {@code counter}-th 64 random bits of {@code key}. */
  public static long at(long key, long counter) {
    return mix(key + (counter + 1) * GAMMA);
  }

  /** A key of its own for every pair of a key and an index. */
  public static long key(long parent, long index) {
    return at(mix(parent + GAMMA), index);
  }

  /** Maps 64 random bits to 0..bound-1; the bias is below bound / 2^64. */
  public static int bounded(long bits, int bound) {
    return (int) Math.unsignedMultiplyHigh(bits, bound);
  }

  /** Maps 64 random bits to [0, 1), a multiple of 2^-24, exact in a float. */
  public static float unit(long bits) {
    return (bits >>> 40) * 0x1p-24f;
  }
}
