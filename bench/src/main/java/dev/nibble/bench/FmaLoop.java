package dev.nibble.bench;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Fused multiply-adds that touch no memory: what a core can do at most, and so the base of every
 * share of the peak. Each accumulator waits for itself only; a dozen of them cover the latency of
 * two units of four cycles, and fit the sixteen registers that 256-bit vectors have.
 */
final class FmaLoop {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final int ACCUMULATORS = 12;
  private static final int ROUNDS = 4096;

  private final float[] x = new float[FLOATS.length()];
  private final float[] y = new float[FLOATS.length()];
  private final float[] sums = new float[FLOATS.length()];

  /** A loop that multiplies these two numbers, in all lanes alike. */
  FmaLoop(float x, float y) {
    // From arrays, so that the compiler can't know the product.
    Arrays.fill(this.x, x);
    Arrays.fill(this.y, y);
  }

  /** Floating-point operations of one run, two a fused multiply-add. */
  static long flops() {
    return 2L * ROUNDS * ACCUMULATORS * FLOATS.length();
  }

  /** Number of products that one run adds up in one lane of the result. */
  static int products() {
    return ROUNDS * ACCUMULATORS;
  }

  /** Adds the product up in every accumulator; returns one lane of the sum of all. */
  float run() {
    FloatVector a = FloatVector.fromArray(FLOATS, x, 0);
    FloatVector b = FloatVector.fromArray(FLOATS, y, 0);
    FloatVector s0 = FloatVector.zero(FLOATS);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    FloatVector s4 = s0;
    FloatVector s5 = s0;
    FloatVector s6 = s0;
    FloatVector s7 = s0;
    FloatVector s8 = s0;
    FloatVector s9 = s0;
    FloatVector s10 = s0;
    FloatVector s11 = s0;
    for (int i = 0; i < ROUNDS; i++) {
      s0 = a.fma(b, s0);
      s1 = a.fma(b, s1);
      s2 = a.fma(b, s2);
      s3 = a.fma(b, s3);
      s4 = a.fma(b, s4);
      s5 = a.fma(b, s5);
      s6 = a.fma(b, s6);
      s7 = a.fma(b, s7);
      s8 = a.fma(b, s8);
      s9 = a.fma(b, s9);
      s10 = a.fma(b, s10);
      s11 = a.fma(b, s11);
    }
    FloatVector left = s0.add(s1).add(s2).add(s3).add(s4).add(s5);
    left.add(s6).add(s7).add(s8).add(s9).add(s10).add(s11).intoArray(sums, 0);
    return sums[0];
  }
}
