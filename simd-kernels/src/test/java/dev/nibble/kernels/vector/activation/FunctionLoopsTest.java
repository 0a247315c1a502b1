package dev.nibble.kernels.vector.activation;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Nonlinearity;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** The loops over functions against the functions themselves, which compute in double. */
final class FunctionLoopsTest {
  private static final long SEED = 5_150;

  /** What the loops promise, in units of the larger of 1 and the value. */
  private static final double ERROR = 3e-7;

  private static final List<Nonlinearity> FUNCTIONS =
      List.of(
          Nonlinearity.identity(),
          Nonlinearity.relu(),
          Nonlinearity.relu6(),
          Nonlinearity.hardTanh(),
          new Nonlinearity.Clip(Float.NEGATIVE_INFINITY, 2),
          new Nonlinearity.LeakyRelu(0.2f),
          new Nonlinearity.Elu(0.7f),
          Nonlinearity.hardSigmoid(),
          Nonlinearity.hardSwish(),
          new Nonlinearity.Sigmoid(),
          Nonlinearity.silu(),
          new Nonlinearity.Tanh(),
          new Nonlinearity.Mish(),
          new Nonlinearity.Gelu(false),
          new Nonlinearity.Gelu(true));

  /** Values around the edges, of all sizes, far out, and none. */
  private static float[] arguments(int count) {
    SplittableRandom random = new SplittableRandom(SEED);
    float[] special = {
      0f, -0f, 3f, -3f, 6f, -1f, 1f, 2f, 100f, -100f, 1e30f, -1e30f, 1e-30f, Float.NaN
    };
    float[] z = new float[count];
    for (int i = 0; i < count; i++) {
      double spread = i % 3 == 0 ? 0.1 : 12;
      z[i] = i < special.length ? special[i] : (float) random.nextDouble(-spread, spread);
    }
    return z;
  }

  @Test
  void valuesAreThoseOfTheFunctions() {
    // No multiple of the lanes, and more than a block.
    int count = 3 * FunctionValues.BLOCK + 5;
    float[] z = arguments(count);
    for (Nonlinearity function : FUNCTIONS) {
      float[] scratch = new float[count + 7 + FunctionValues.BLOCK];
      System.arraycopy(z, 0, scratch, 7, count);
      FunctionValues.apply(function, scratch, 7, count, 7 + count);
      for (int i = 0; i < count; i++) {
        check(function + " at " + z[i], scratch[7 + i], function.value(z[i], 0));
      }
    }
  }

  @Test
  void derivativesAreThoseOfTheFunctions() {
    int count = FunctionValues.BLOCK;
    float[] z = arguments(count);
    z[13] = 0.5f; // The derivative at no number is some number.
    for (Nonlinearity function : FUNCTIONS) {
      float[] scratch = new float[2 * count];
      System.arraycopy(z, 0, scratch, 0, count);
      FunctionSlopes.apply(function, scratch, 0, count, count, 0);
      for (int i = 0; i < count; i++) {
        if (Math.abs(z[i]) < 1e20) {
          check(function + "' at " + z[i], scratch[i], function.derivative(z[i], 0));
        }
      }
    }
  }

  private static void check(String what, float actual, float expected) {
    if (Float.isNaN(expected)) {
      assertThat(actual).as("seed %d, %s", SEED, what).isNaN();
      return;
    }
    double most = ERROR * Math.max(1, Math.abs(expected));
    assertThat(Math.abs((double) actual - expected)).as("seed %d, %s", SEED, what).isLessThan(most);
  }
}
