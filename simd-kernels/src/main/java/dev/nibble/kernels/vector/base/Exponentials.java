package dev.nibble.kernels.vector.base;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Powers of e of many floats, by which the smooth functions are made: 2^n times a polynomial of
 * what is left, fitted by weighted least squares; its relative error is below 2e-7 (two units in
 * the last place).
 */
public final class Exponentials {
  private static final float LOG2_E = 1.442695f;

  /** 3 * 2^22: added to a float, it leaves the nearest whole number in the lowest bits. */
  private static final float ROUND = 12_582_912f;

  /** ln 2 in two parts, the first with so few bits that its product with n is exact. */
  private static final float LN2_HIGH = 0.6933594f;

  private static final float LN2_LOW = -2.1219444e-4f;

  /** Where 2^n is still a normal float. */
  private static final float LEAST = -87;

  private static final float MOST = 88;

  /** Squares of arguments beyond which every power is cut. */
  private static final float LARGEST = 1e8f;

  private Exponentials() {}

  /**
   * Writes {@code e^(z * (linear + cubic * z^2) + square * z^2)} of floats in scratch; the exponent
   * is cut to what a float's power has. What is not a number gives some number.
   *
   * @param at index of the first z
   * @param length how many, a multiple of the lanes
   * @param to index of the first power
   */
  public static void powers(
      float linear, float cubic, float square, float[] scratch, int at, int length, int to) {
    FloatVector least = FloatVector.broadcast(FLOATS, LEAST);
    FloatVector most = FloatVector.broadcast(FLOATS, MOST);
    FloatVector first = FloatVector.broadcast(FLOATS, linear);
    FloatVector largest = FloatVector.broadcast(FLOATS, LARGEST);
    for (int i = 0; i < length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, at + i);
      FloatVector zz = z.mul(z);
      // What is infinite times 0 would be no number.
      zz = zz.blend(largest, zz.compare(VectorOperators.GT, largest));
      FloatVector x = zz.mul(square).add(z.mul(zz.mul(cubic).add(first)));
      x = x.blend(least, x.compare(VectorOperators.LT, least));
      x = x.blend(most, x.compare(VectorOperators.GT, most));
      FloatVector rounded = x.mul(LOG2_E).add(ROUND);
      FloatVector n = rounded.sub(ROUND);
      FloatVector r = x.sub(n.mul(LN2_HIGH)).sub(n.mul(LN2_LOW));
      FloatVector p = r.mul(1.9790346e-4f).add(1.394466e-3f);
      p = r.mul(p).add(8.333497e-3f);
      p = r.mul(p).add(0.041666295f);
      p = r.mul(p).add(0.16666666f);
      p = r.mul(p).add(0.5f);
      p = r.mul(r).mul(p).add(r).add(1f);
      IntVector exponent = rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
      p.reinterpretAsInts().add(exponent).reinterpretAsFloats().intoArray(scratch, to + i);
    }
  }
}
