package dev.nibble.kernels;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.cublas.CudaOptions;
import dev.nibble.kernels.cublas.Precision;
import dev.nibble.kernels.cublas.StandInDevice;
import dev.nibble.kernels.scalar.ScalarKernels;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Rounded factors cost what they are said to cost: a few digits, no more and no less. */
class CublasPrecisionTest {
  private static final StageCase CASE =
      StageCases.around(new Convolution(new FeatureMap(6, 7, 12), 10, 3, 1, false), 11);

  @ParameterizedTest
  @EnumSource(Precision.class)
  void productsAreAsPreciseAsSaid(Precision precision) {
    StageRun.Result exact = StageRun.forward(new ScalarKernels(), CASE);
    Map<String, float[]> gradients = StageRun.backward(new ScalarKernels(), CASE, exact).floats();
    try (StandInDevice device = new StandInDevice()) {
      Kernels kernels =
          device.kernels(CudaOptions.defaults().withPrecision(precision), new ScalarKernels());
      assertThat(kernels.description()).contains(precision.text() + " products");
      // 24, 11 and 8 bits of mantissa, the hidden one included.
      double unit = Math.scalb(1.0, -precisionBits(precision));
      check("y", exact.floats(), StageRun.forward(kernels, CASE).floats(), precision, unit);
      check(
          "dweight", gradients, StageRun.backward(kernels, CASE, exact).floats(), precision, unit);
      device.verify();
    }
  }

  private static int precisionBits(Precision precision) {
    return switch (precision) {
      case FP32 -> 24;
      case TF32 -> 11;
      case BF16 -> 8;
    };
  }

  private static void check(
      String name,
      Map<String, float[]> expected,
      Map<String, float[]> actual,
      Precision precision,
      double unit) {
    float[] wanted = requireNonNull(expected.get(name));
    float[] values = requireNonNull(actual.get(name));
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < wanted.length; i++) {
      difference += Math.pow((double) values[i] - wanted[i], 2);
      norm += Math.pow(wanted[i], 2);
    }
    double error = Math.sqrt(difference / norm);
    assertThat(error).as("relative error of %s", name).isLessThan(4 * unit);
    if (precision != Precision.FP32) {
      // More than that of the next finer precision, which has 3 bits more.
      assertThat(error).as("relative error of %s", name).isGreaterThan(unit / 16);
    }
  }
}
