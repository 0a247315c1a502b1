package dev.nibble.kernels.vector.activation;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.vector.base.Exponentials;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Functions of one value, of rows of floats where they lie; a loop each, over what is in the
 * nearest cache. Smooth ones differ from the scalar kernels' by less than 3e-7 of the larger of 1
 * and the value.
 */
final class FunctionValues {
  /** Floats whose powers of e are made at a time. */
  static final int BLOCK = CodeColumns.PIXELS * LANES;

  /** Of the hyperbolic tangent in GELU: sqrt(8 / pi), for e^-2x. */
  static final float ROOT = 1.5957692f;

  static final float CUBE = 0.044715f * ROOT;

  /** A power of e beyond which Mish is its argument, and whose square is a float. */
  static final float FAR = 1e10f;

  private FunctionValues() {}

  /**
   * Replaces z by f(z), of a function without slopes.
   *
   * @param at index of the first z
   * @param length how many, any number
   * @param work index of {@link #BLOCK} floats
   */
  static void apply(Nonlinearity function, float[] scratch, int at, int length, int work) {
    int bound = FLOATS.loopBound(length);
    switch (function) {
      case Nonlinearity.Identity f -> {
        return;
      }
      case Nonlinearity.Relu f -> clip(0f, Float.POSITIVE_INFINITY, scratch, at, bound);
      case Nonlinearity.Clip f -> clip(f.low(), f.high(), scratch, at, bound);
      case Nonlinearity.LeakyRelu f -> leaky(f.factor(), scratch, at, bound);
      case Nonlinearity.HardSigmoid f -> hardSigmoid(f, scratch, at, bound);
      case Nonlinearity.HardSwish f -> hardSwish(scratch, at, bound);
      default -> {
        for (int i = 0; i < bound; i += BLOCK) {
          smooth(function, scratch, at + i, Math.min(BLOCK, bound - i), work);
        }
      }
    }
    for (int i = at + bound; i < at + length; i++) {
      scratch[i] = function.value(scratch[i], 0f);
    }
  }

  private static void smooth(Nonlinearity function, float[] scratch, int at, int length, int work) {
    switch (function) {
      case Nonlinearity.Elu f -> {
        Exponentials.powers(1, 0, 0, scratch, at, length, work);
        elu(f.alpha(), scratch, at, length, work);
      }
      case Nonlinearity.Sigmoid f -> {
        Exponentials.powers(-1, 0, 0, scratch, at, length, work);
        logistic(1f, 0f, scratch, at, length, work);
      }
      case Nonlinearity.Tanh f -> {
        Exponentials.powers(-2, 0, 0, scratch, at, length, work);
        logistic(2f, -1f, scratch, at, length, work);
      }
      case Nonlinearity.Silu f -> {
        Exponentials.powers(-1, 0, 0, scratch, at, length, work);
        gated(scratch, at, length, work);
      }
      case Nonlinearity.Mish f -> {
        Exponentials.powers(1, 0, 0, scratch, at, length, work);
        mish(scratch, at, length, work);
      }
      case Nonlinearity.Gelu f -> {
        if (f.approximate()) {
          Exponentials.powers(-ROOT, -CUBE, 0, scratch, at, length, work);
          gated(scratch, at, length, work);
        } else {
          Exponentials.powers(0, 0, -0.5f, scratch, at, length, work);
          normal(scratch, at, length, work);
        }
      }
      default -> throw new IllegalArgumentException("No loop for " + function);
    }
  }

  /**
   * Replaces z by PReLU's value, for a vector of channels.
   *
   * @param stride floats from pixel to pixel
   * @param slopes index of the channels' slopes
   */
  static void slopes(float[] scratch, int at, int stride, int pixels, int slopes) {
    FloatVector slope = FloatVector.fromArray(FLOATS, scratch, slopes);
    for (int p = 0; p < pixels; p++) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, at + p * stride);
      z.blend(z.mul(slope), z.compare(VectorOperators.LE, 0f)).intoArray(scratch, at + p * stride);
    }
  }

  private static void clip(float low, float high, float[] scratch, int at, int length) {
    FloatVector least = FloatVector.broadcast(FLOATS, low);
    FloatVector most = FloatVector.broadcast(FLOATS, high);
    for (int i = at; i < at + length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, i);
      z.blend(least, z.compare(VectorOperators.LE, least))
          .blend(most, z.compare(VectorOperators.GE, most))
          .intoArray(scratch, i);
    }
  }

  private static void leaky(float factor, float[] scratch, int at, int length) {
    for (int i = at; i < at + length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, i);
      z.blend(z.mul(factor), z.compare(VectorOperators.LE, 0f)).intoArray(scratch, i);
    }
  }

  private static void hardSigmoid(Nonlinearity.HardSigmoid f, float[] scratch, int at, int length) {
    FloatVector slope = FloatVector.broadcast(FLOATS, f.alpha());
    FloatVector offset = FloatVector.broadcast(FLOATS, f.beta());
    FloatVector low = FloatVector.broadcast(FLOATS, f.lowEdge());
    FloatVector high = FloatVector.broadcast(FLOATS, f.highEdge());
    for (int i = at; i < at + length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, i);
      z.fma(slope, offset)
          .blend(0f, z.compare(VectorOperators.LE, low))
          .blend(1f, z.compare(VectorOperators.GE, high))
          .intoArray(scratch, i);
    }
  }

  private static void hardSwish(float[] scratch, int at, int length) {
    FloatVector sixth = FloatVector.broadcast(FLOATS, 1f / 6);
    FloatVector half = FloatVector.broadcast(FLOATS, 0.5f);
    for (int i = at; i < at + length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, i);
      z.mul(z.fma(sixth, half))
          .blend(0f, z.compare(VectorOperators.LE, -3f))
          .blend(z, z.compare(VectorOperators.GE, 3f))
          .intoArray(scratch, i);
    }
  }

  private static void elu(float alpha, float[] scratch, int at, int length, int work) {
    for (int i = 0; i < length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, at + i);
      FloatVector power = FloatVector.fromArray(FLOATS, scratch, work + i);
      z.blend(power.sub(1f).mul(alpha), z.compare(VectorOperators.LE, 0f))
          .intoArray(scratch, at + i);
    }
  }

  /** scale / (1 + power) + offset; NaN stays. */
  private static void logistic(
      float scale, float offset, float[] scratch, int at, int length, int work) {
    FloatVector scales = FloatVector.broadcast(FLOATS, scale);
    for (int i = 0; i < length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, at + i);
      FloatVector power = FloatVector.fromArray(FLOATS, scratch, work + i);
      scales
          .div(power.add(1f))
          .add(offset)
          .blend(z, z.compare(VectorOperators.NE, z))
          .intoArray(scratch, at + i);
    }
  }

  /** z / (1 + power). */
  private static void gated(float[] scratch, int at, int length, int work) {
    for (int i = 0; i < length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, at + i);
      FloatVector power = FloatVector.fromArray(FLOATS, scratch, work + i);
      z.div(power.add(1f)).intoArray(scratch, at + i);
    }
  }

  /**
   * z tanh(log(1 + power)), of which the tangent is w / (w + 2) with w = power (power + 2); it is 1
   * long before a power's square overflows.
   */
  private static void mish(float[] scratch, int at, int length, int work) {
    FloatVector far = FloatVector.broadcast(FLOATS, FAR);
    for (int i = 0; i < length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, at + i);
      FloatVector power = FloatVector.fromArray(FLOATS, scratch, work + i);
      power = power.blend(far, power.compare(VectorOperators.GT, far));
      FloatVector w = power.mul(power.add(2f));
      z.mul(w.div(w.add(2f))).intoArray(scratch, at + i);
    }
  }

  /** z times the unit normal's probability of lying below it, of which power is the density. */
  private static void normal(float[] scratch, int at, int length, int work) {
    FloatVector one = FloatVector.broadcast(FLOATS, 1f);
    for (int i = 0; i < length; i += LANES) {
      FloatVector z = FloatVector.fromArray(FLOATS, scratch, at + i);
      FloatVector power = FloatVector.fromArray(FLOATS, scratch, work + i);
      FloatVector t = one.div(z.abs().mul(0.25f).add(1f));
      // The probability of lying above |z|, divided by power: fitted, to 7e-8 of 1.
      FloatVector p = t.mul(-0.06629565f).add(0.19974303f);
      p = t.mul(p).add(0.071433924f);
      p = t.mul(p).add(-0.16396093f);
      p = t.mul(p).add(0.37326255f);
      p = t.mul(p).add(-0.050079063f);
      p = t.mul(p).add(0.14042488f);
      p = t.mul(p).add(-0.004528741f).mul(power);
      VectorMask<Float> positive = z.compare(VectorOperators.GT, 0f);
      z.mul(p.blend(one.sub(p), positive)).intoArray(scratch, at + i);
    }
  }
}
