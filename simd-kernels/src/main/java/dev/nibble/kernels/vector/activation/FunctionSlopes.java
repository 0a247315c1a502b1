package dev.nibble.kernels.vector.activation;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.vector.base.Exponentials;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Derivatives of functions of one value: a column of arguments, a vector of channels a pixel,
 * becomes the column of the derivatives at them.
 */
final class FunctionSlopes {
  private FunctionSlopes() {}

  /**
   * Replaces z by f'(z).
   *
   * @param at index of the first z
   * @param length how many, a multiple of the lanes and at most {@link FunctionValues#BLOCK} for a
   *     smooth function
   * @param work index of as many floats
   * @param slopes index of the channels' slopes, for a function that has them
   */
  static void apply(
      Nonlinearity function, float[] scratch, int at, int length, int work, int slopes) {
    switch (function) {
      case Nonlinearity.Identity f -> steps(1f, 1f, 1f, 0f, 0f, scratch, at, length);
      case Nonlinearity.Relu f ->
          steps(0f, 1f, 1f, 0f, Float.POSITIVE_INFINITY, scratch, at, length);
      case Nonlinearity.Clip f -> steps(0f, 1f, 0f, f.low(), f.high(), scratch, at, length);
      case Nonlinearity.LeakyRelu f ->
          steps(f.factor(), 1f, 1f, 0f, Float.POSITIVE_INFINITY, scratch, at, length);
      case Nonlinearity.HardSigmoid f ->
          steps(0f, f.alpha(), 0f, f.lowEdge(), f.highEdge(), scratch, at, length);
      case Nonlinearity.Prelu f -> prelu(scratch, at, length, slopes);
      case Nonlinearity.HardSwish f -> hardSwish(scratch, at, length);
      case Nonlinearity.Elu f -> {
        Exponentials.powers(1, 0, 0, scratch, at, length, work);
        elu(f.alpha(), scratch, at, length, work);
      }
      case Nonlinearity.Sigmoid f -> {
        Exponentials.powers(-1, 0, 0, scratch, at, length, work);
        logistic(1f, scratch, at, length, work);
      }
      case Nonlinearity.Tanh f -> {
        Exponentials.powers(-2, 0, 0, scratch, at, length, work);
        logistic(4f, scratch, at, length, work);
      }
      case Nonlinearity.Silu f -> {
        Exponentials.powers(-1, 0, 0, scratch, at, length, work);
        gated(1f, 0f, scratch, at, length, work);
      }
      case Nonlinearity.Mish f -> {
        Exponentials.powers(1, 0, 0, scratch, at, length, work);
        mish(scratch, at, length, work);
      }
      case Nonlinearity.Gelu f -> {
        if (f.approximate()) {
          Exponentials.powers(
              -FunctionValues.ROOT, -FunctionValues.CUBE, 0, scratch, at, length, work);
          gated(FunctionValues.ROOT, 3 * FunctionValues.CUBE, scratch, at, length, work);
        } else {
          Exponentials.powers(0, 0, -0.5f, scratch, at, length, work);
          normal(scratch, at, length, work);
        }
      }
    }
  }

  /** One slope up to the low edge, one between, one from the high edge on. */
  private static void steps(
      float below,
      float between,
      float above,
      float low,
      float high,
      float[] scratch,
      int at,
      int length) {
    FloatVector middle = FloatVector.broadcast(FLOATS, between);
    FloatVector under = FloatVector.broadcast(FLOATS, below);
    FloatVector over = FloatVector.broadcast(FLOATS, above);
    FloatVector least = FloatVector.broadcast(FLOATS, low);
    FloatVector most = FloatVector.broadcast(FLOATS, high);
    for (int i = at; i < at + length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, i);
      middle
          .blend(under, z.compare(VectorOperators.LE, least))
          .blend(over, z.compare(VectorOperators.GE, most))
          .intoArray(scratch, i);
    }
  }

  private static void prelu(float[] scratch, int at, int length, int slopes) {
    FloatVector slope = FloatVector.fromArray(FLOATS, scratch, slopes);
    FloatVector one = FloatVector.broadcast(FLOATS, 1f);
    for (int i = at; i < at + length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, i);
      one.blend(slope, z.compare(VectorOperators.LE, 0f)).intoArray(scratch, i);
    }
  }

  private static void hardSwish(float[] scratch, int at, int length) {
    FloatVector third = FloatVector.broadcast(FLOATS, 1f / 3);
    FloatVector half = FloatVector.broadcast(FLOATS, 0.5f);
    for (int i = at; i < at + length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, i);
      z.fma(third, half)
          .blend(0f, z.compare(VectorOperators.LE, -3f))
          .blend(1f, z.compare(VectorOperators.GE, 3f))
          .intoArray(scratch, i);
    }
  }

  private static void elu(float alpha, float[] scratch, int at, int length, int work) {
    FloatVector one = FloatVector.broadcast(FLOATS, 1f);
    for (int i = 0; i < length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, at + i);
      FloatVector power = FloatVector.fromArray(FLOATS, scratch, work + i);
      one.blend(power.mul(alpha), z.compare(VectorOperators.LE, 0f)).intoArray(scratch, at + i);
    }
  }

  /** scale * t * (1 - t) with t = 1 / (1 + power). */
  private static void logistic(float scale, float[] scratch, int at, int length, int work) {
    FloatVector one = FloatVector.broadcast(FLOATS, 1f);
    for (int i = 0; i < length; i += LANES) {
      FloatVector power = FloatVector.fromArray(FLOATS, scratch, work + i);
      FloatVector t = one.div(power.add(1f));
      t.mul(scale).mul(power.mul(t)).intoArray(scratch, at + i);
    }
  }

  /** t * (1 + z * (1 - t) * (linear + cubic * z^2)) with t = 1 / (1 + power). */
  private static void gated(
      float linear, float cubic, float[] scratch, int at, int length, int work) {
    FloatVector one = FloatVector.broadcast(FLOATS, 1f);
    FloatVector far = FloatVector.broadcast(FLOATS, 1e4f);
    for (int i = 0; i < length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, at + i);
      FloatVector power = FloatVector.fromArray(FLOATS, scratch, work + i);
      FloatVector t = one.div(power.add(1f));
      FloatVector zz = z.mul(z);
      // Far out, 1 - t is 0 but for rounding, which a cube would lift.
      zz = zz.blend(far, zz.compare(VectorOperators.GT, far));
      FloatVector inner = zz.mul(cubic).add(linear).mul(z);
      t.mul(power.mul(t).mul(inner).add(1f)).intoArray(scratch, at + i);
    }
  }

  /** t + z (1 - t^2) sigmoid(z) with t = w / (w + 2) and w = power (power + 2). */
  private static void mish(float[] scratch, int at, int length, int work) {
    FloatVector far = FloatVector.broadcast(FLOATS, FunctionValues.FAR);
    for (int i = 0; i < length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, at + i);
      FloatVector power = FloatVector.fromArray(FLOATS, scratch, work + i);
      power = power.blend(far, power.compare(VectorOperators.GT, far));
      FloatVector w = power.mul(power.add(2f));
      FloatVector all = w.add(2f);
      FloatVector inner = z.mul(power).mul(power.add(1f)).mul(4f).div(all);
      w.add(inner).div(all).intoArray(scratch, at + i);
    }
  }

  /** The probability of lying below z, and z times the density there; see the values' loop. */
  private static void normal(float[] scratch, int at, int length, int work) {
    FloatVector one = FloatVector.broadcast(FLOATS, 1f);
    for (int i = 0; i < length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, at + i);
      FloatVector power = FloatVector.fromArray(FLOATS, scratch, work + i);
      FloatVector t = one.div(z.abs().mul(0.25f).add(1f));
      FloatVector p = t.mul(-0.06629565f).add(0.19974303f);
      p = t.mul(p).add(0.071433924f);
      p = t.mul(p).add(-0.16396093f);
      p = t.mul(p).add(0.37326255f);
      p = t.mul(p).add(-0.050079063f);
      p = t.mul(p).add(0.14042488f);
      p = t.mul(p).add(-0.004528741f).mul(power);
      p.blend(one.sub(p), z.compare(VectorOperators.GT, 0f))
          .add(z.mul(power).mul(0.3989423f))
          .intoArray(scratch, at + i);
    }
  }
}
