package dev.nibble.kernels;

/**
 * The function between a batch norm and the operator that reads it, value by value: {@code a =
 * f(z)}.
 *
 * <p>A function has at most two edges, where its derivative jumps: a low one, whose own value
 * belongs below it, and a high one, whose own value belongs above it. Which side of them a value
 * lies on is kept exactly whatever is stored of it; so the derivative of a piecewise linear
 * function is exact, and that of another is taken at the restored argument. What is not a number
 * lies between the edges.
 */
public sealed interface Nonlinearity {
  /** A slope below an edge from which on values there weigh like those above it. */
  float STEEP = 0.3f;

  /** {@code f(z) = z}. */
  static Nonlinearity identity() {
    return new Identity();
  }

  /** {@code f(z) = max(z, 0)}. */
  static Nonlinearity relu() {
    return new Relu();
  }

  /** {@code f(z) = z / (1 + e^-z)}, also called swish. */
  static Nonlinearity silu() {
    return new Silu();
  }

  /** {@code f(z) = z * min(max(z + 3, 0), 6) / 6}. */
  static Nonlinearity hardSwish() {
    return new HardSwish();
  }

  /** {@code f(z) = min(max(z, 0), 6)}. */
  static Nonlinearity relu6() {
    return new Clip(0, 6);
  }

  /** {@code f(z) = min(max(z, -1), 1)}. */
  static Nonlinearity hardTanh() {
    return new Clip(-1, 1);
  }

  /** ONNX's and PyTorch's hard sigmoid: {@code f(z) = min(max(z / 6 + 1/2, 0), 1)}. */
  static Nonlinearity hardSigmoid() {
    return new HardSigmoid(1f / 6, 0.5f);
  }

  /**
   * The value.
   *
   * @param slope the channel's parameter, which only {@link Prelu} reads
   */
  float value(float z, float slope);

  /**
   * The derivative by z; at an edge, that of the side to which its value belongs.
   *
   * @param slope the channel's parameter, which only {@link Prelu} reads
   */
  float derivative(float z, float slope);

  /** The edge whose own value belongs below it; minus infinity where there is none. */
  default float lowEdge() {
    return Float.NEGATIVE_INFINITY;
  }

  /** The edge whose own value belongs above it; plus infinity where there is none. */
  default float highEdge() {
    return Float.POSITIVE_INFINITY;
  }

  /** Whether the derivative is the same wherever z lies between two edges. */
  boolean isPiecewiseLinear();

  /** Whether each channel has a parameter of its own, which is trained. */
  default boolean hasSlope() {
    return false;
  }

  /** Which side of the edges z lies on: -1 below the low one, 1 above the high one, else 0. */
  default int side(float z) {
    if (z <= lowEdge() && hasLowEdge()) {
      return -1;
    }
    return z >= highEdge() && hasHighEdge() ? 1 : 0;
  }

  /** Whether there is a low edge. */
  default boolean hasLowEdge() {
    return lowEdge() > Float.NEGATIVE_INFINITY;
  }

  /** Whether there is a high edge. */
  default boolean hasHighEdge() {
    return highEdge() < Float.POSITIVE_INFINITY;
  }

  /** The value on a side of the edges ({@link #side}) that is nearest to z. */
  default float onSide(float z, int side) {
    if (side < 0) {
      return z > lowEdge() ? lowEdge() : z;
    }
    if (side > 0) {
      return z < highEdge() ? highEdge() : z;
    }
    if (side(z) < 0) {
      return Math.nextUp(lowEdge());
    }
    return side(z) > 0 ? Math.nextDown(highEdge()) : z;
  }

  /** Whether what the function makes of values below its low edge hardly depends on them. */
  default boolean isFlatBelow() {
    return false;
  }

  /** No function at all. */
  record Identity() implements Nonlinearity {
    @Override
    public float value(float z, float slope) {
      return z;
    }

    @Override
    public float derivative(float z, float slope) {
      return 1;
    }

    @Override
    public boolean isPiecewiseLinear() {
      return true;
    }
  }

  /** {@code max(z, 0)}. */
  record Relu() implements Nonlinearity {
    @Override
    public float value(float z, float slope) {
      // NaN is not below 0: it must reach the loss, not hide.
      return z <= 0 ? 0 : z;
    }

    @Override
    public float derivative(float z, float slope) {
      return z <= 0 ? 0 : 1;
    }

    @Override
    public float lowEdge() {
      return 0;
    }

    @Override
    public boolean isFlatBelow() {
      return true;
    }

    @Override
    public boolean isPiecewiseLinear() {
      return true;
    }
  }

  /**
   * {@code min(max(z, low), high)}: ReLU6, hard tanh, ONNX's Clip.
   *
   * @param low least value, maybe minus infinity
   * @param high greatest value, above low, maybe infinity
   */
  record Clip(float low, float high) implements Nonlinearity {
    /** Rejects an empty range. */
    public Clip {
      if (!(low < high)) {
        throw new IllegalArgumentException(
            "A clip needs a lower bound below its upper one, not " + low + " and " + high);
      }
    }

    @Override
    public float value(float z, float slope) {
      if (z <= low) {
        return low;
      }
      return z >= high ? high : z;
    }

    @Override
    public float derivative(float z, float slope) {
      return z <= low || z >= high ? 0 : 1;
    }

    @Override
    public float lowEdge() {
      return low;
    }

    @Override
    public float highEdge() {
      return high;
    }

    @Override
    public boolean isFlatBelow() {
      return hasLowEdge();
    }

    @Override
    public boolean isPiecewiseLinear() {
      return true;
    }
  }

  /**
   * {@code z > 0 ? z : factor * z}.
   *
   * @param factor slope of the negative side, finite
   */
  record LeakyRelu(float factor) implements Nonlinearity {
    /** Rejects a slope that is not a number. */
    public LeakyRelu {
      if (!Float.isFinite(factor)) {
        throw new IllegalArgumentException("A leaky ReLU needs a finite slope, not " + factor);
      }
    }

    @Override
    public float value(float z, float slope) {
      return z <= 0 ? factor * z : z;
    }

    @Override
    public float derivative(float z, float slope) {
      return z <= 0 ? factor : 1;
    }

    @Override
    public float lowEdge() {
      return 0;
    }

    @Override
    public boolean isFlatBelow() {
      return Math.abs(factor) <= STEEP;
    }

    @Override
    public boolean isPiecewiseLinear() {
      return true;
    }
  }

  /**
   * {@code z > 0 ? z : slope * z} with a slope a channel, which is trained: its gradient is the sum
   * of {@code da * min(z, 0)} over the channel's values.
   */
  record Prelu() implements Nonlinearity {
    @Override
    public float value(float z, float slope) {
      return z <= 0 ? slope * z : z;
    }

    @Override
    public float derivative(float z, float slope) {
      return z <= 0 ? slope : 1;
    }

    @Override
    public float lowEdge() {
      return 0;
    }

    @Override
    public boolean isFlatBelow() {
      return true;
    }

    @Override
    public boolean isPiecewiseLinear() {
      return true;
    }

    @Override
    public boolean hasSlope() {
      return true;
    }
  }

  /**
   * {@code z > 0 ? z : alpha * (e^z - 1)}.
   *
   * @param alpha how far below 0 values reach, finite
   */
  record Elu(float alpha) implements Nonlinearity {
    /** Rejects what is not a number. */
    public Elu {
      if (!Float.isFinite(alpha)) {
        throw new IllegalArgumentException("An ELU needs a finite factor, not " + alpha);
      }
    }

    @Override
    public float value(float z, float slope) {
      return z <= 0 ? (float) (alpha * Math.expm1(z)) : z;
    }

    @Override
    public float derivative(float z, float slope) {
      return z <= 0 ? (float) (alpha * Math.exp(z)) : 1;
    }

    @Override
    public float lowEdge() {
      return 0;
    }

    @Override
    public boolean isPiecewiseLinear() {
      return false;
    }
  }

  /**
   * {@code min(max(alpha * z + beta, 0), 1)}.
   *
   * @param alpha slope between the edges, above 0
   * @param beta value at 0
   */
  record HardSigmoid(float alpha, float beta) implements Nonlinearity {
    /** Rejects a slope that leaves no range between the edges. */
    public HardSigmoid {
      if (!(alpha > 0) || !Float.isFinite(alpha) || !Float.isFinite(beta)) {
        throw new IllegalArgumentException(
            "A hard sigmoid needs a positive slope and a finite value at 0, not "
                + (alpha + " and " + beta));
      }
    }

    @Override
    public float value(float z, float slope) {
      if (z <= lowEdge()) {
        return 0;
      }
      return z >= highEdge() ? 1 : Math.fma(alpha, z, beta);
    }

    @Override
    public float derivative(float z, float slope) {
      return z <= lowEdge() || z >= highEdge() ? 0 : alpha;
    }

    @Override
    public float lowEdge() {
      return (float) (-(double) beta / alpha);
    }

    @Override
    public float highEdge() {
      return (float) ((1 - (double) beta) / alpha);
    }

    @Override
    public boolean isFlatBelow() {
      return true;
    }

    @Override
    public boolean isPiecewiseLinear() {
      return true;
    }
  }

  /** {@code z * min(max(z + 3, 0), 6) / 6}. */
  record HardSwish() implements Nonlinearity {
    @Override
    public float value(float z, float slope) {
      if (z <= -3) {
        return 0;
      }
      return z >= 3 ? z : z * Math.fma(z, 1f / 6, 0.5f);
    }

    @Override
    public float derivative(float z, float slope) {
      if (z <= -3) {
        return 0;
      }
      return z >= 3 ? 1 : Math.fma(z, 1f / 3, 0.5f);
    }

    @Override
    public float lowEdge() {
      return -3;
    }

    @Override
    public float highEdge() {
      return 3;
    }

    @Override
    public boolean isPiecewiseLinear() {
      return false;
    }
  }

  /** {@code 1 / (1 + e^-z)}. */
  record Sigmoid() implements Nonlinearity {
    @Override
    public float value(float z, float slope) {
      return (float) SpecialFunctions.sigmoid(z);
    }

    @Override
    public float derivative(float z, float slope) {
      return (float) (SpecialFunctions.sigmoid(z) * SpecialFunctions.sigmoid(-z));
    }

    @Override
    public boolean isPiecewiseLinear() {
      return false;
    }
  }

  /** {@code z / (1 + e^-z)}, also called swish. */
  record Silu() implements Nonlinearity {
    @Override
    public float value(float z, float slope) {
      return (float) (z / (1 + Math.exp(-(double) z)));
    }

    @Override
    public float derivative(float z, float slope) {
      double on = SpecialFunctions.sigmoid(z);
      return (float) (on * (1 + z * SpecialFunctions.sigmoid(-z)));
    }

    @Override
    public boolean isPiecewiseLinear() {
      return false;
    }
  }

  /** The hyperbolic tangent. */
  record Tanh() implements Nonlinearity {
    @Override
    public float value(float z, float slope) {
      return (float) Math.tanh(z);
    }

    @Override
    public float derivative(float z, float slope) {
      double t = Math.tanh(z);
      return (float) ((1 - t) * (1 + t));
    }

    @Override
    public boolean isPiecewiseLinear() {
      return false;
    }
  }

  /** {@code z * tanh(log(1 + e^z))}. */
  record Mish() implements Nonlinearity {
    @Override
    public float value(float z, float slope) {
      return (float) (z * Math.tanh(SpecialFunctions.softplus(z)));
    }

    @Override
    public float derivative(float z, float slope) {
      double t = Math.tanh(SpecialFunctions.softplus(z));
      return (float) (t + z * SpecialFunctions.sigmoid(z) * (1 - t) * (1 + t));
    }

    @Override
    public boolean isPiecewiseLinear() {
      return false;
    }
  }

  /**
   * {@code z} times the unit normal's probability of lying below it.
   *
   * @param approximate whether that probability is taken from a hyperbolic tangent, {@code (1 +
   *     tanh(sqrt(2 / pi) * (z + 0.044715 z^3))) / 2}, as PyTorch's {@code approximate="tanh"}
   */
  record Gelu(boolean approximate) implements Nonlinearity {
    private static final double ROOT = Math.sqrt(2 / Math.PI);
    private static final double CUBE = 0.044715;

    @Override
    public float value(float z, float slope) {
      return (float) (z * below(z));
    }

    private double below(double z) {
      return approximate
          ? 0.5 * (1 + Math.tanh(ROOT * z * (1 + CUBE * z * z)))
          : SpecialFunctions.normalBelow(z);
    }

    @Override
    public float derivative(float z, float slope) {
      double x = z;
      if (!approximate) {
        return (float) (below(x) + x * SpecialFunctions.normalDensity(x));
      }
      double t = Math.tanh(ROOT * x * (1 + CUBE * x * x));
      double inner = ROOT * (1 + 3 * CUBE * x * x);
      return (float) (0.5 * (1 + t) + 0.5 * x * (1 - t) * (1 + t) * inner);
    }

    @Override
    public boolean isPiecewiseLinear() {
      return false;
    }
  }
}
