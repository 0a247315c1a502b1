package dev.nibble.engine.exec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.network.Parameter;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Ten steps of training against an independent implementation's golden vectors.
 *
 * <p>Losses are compared as relative errors. Parameters are compared by the length of the
 * difference over the length of the way from the initial values: a bias that starts at 0 and has
 * moved by a few thousandths would otherwise be judged by the rounding of its gradient, and a
 * weight that hardly moved would pass whatever was done to it. Two correct implementations part on
 * that way, because single precision sums in another order, and now and then a ReLU or a code at a
 * bin's edge falls the other way: in exact mode by up to 0.005 of it, with codes by up to 0.04,
 * single tensors (the smallest, biases of batch norms) by up to 0.1.
 */
@Tag("gpu")
class GoldenNetworkTest {
  @BeforeAll
  static void requireGoldenFiles() {
    GoldenFiles.require();
  }

  private static GoldenRun run(String model, StoreFormat store, Kernels kernels) {
    return new GoldenRun(GoldenFiles.FOLDER, model, store, false, 2, kernels);
  }

  @ParameterizedTest
  @CsvSource({
    "resnet8, exact, FP32", "resnet8, approximate8, UNIFORM8", "resnet8, approximate4, UNIFORM4",
    "resnet8, approximate2, UNIFORM2", "resnet11, exact, FP32", "resnet11, approximate8, UNIFORM8",
    "resnet11, approximate4, UNIFORM4", "resnet11, approximate2, UNIFORM2"
  })
  void tenStepsAreThoseOfTheOtherImplementation(String model, String mode, StoreFormat store) {
    boolean exact = store == StoreFormat.FP32;
    if (exact) {
      checkTenSteps(run(model, store, TestKernels.direct()), model, mode, true, 5e-4);
    }
    Kernels chosen = TestKernels.chosen();
    // The scalar kernels are the direct ones.
    if (!exact || !chosen.name().equals("scalar")) {
      // Winograd's rounding, a few millionths of a sum, grows to a thousandth of the tenth loss.
      checkTenSteps(run(model, store, chosen), model, mode, exact, 2e-3);
    }
  }

  private static void checkTenSteps(
      GoldenRun started, String model, String mode, boolean exact, double most) {
    try (GoldenRun run = started;
        SafetensorsFile golden = GoldenFiles.open(model, mode)) {
      float[] losses = run.train();
      float[] expected = golden.readFloats("losses");
      for (int i = 0; i < losses.length; i++) {
        // The second loss is the first that a gradient has touched.
        double tolerance = i == 0 ? 1e-6 : i == 1 ? 2e-5 : most;
        assertThat(GoldenFiles.relative(losses[i], expected[i]))
            .as("relative error of loss %d, which is %s", i, losses[i])
            .isLessThan(tolerance);
      }
      compareParameters(run, golden, model, exact);
      assertThat(GoldenFiles.relative(run.evaluate(), golden.readFloats("eval_logits")))
          .as("relative error of the logits after training")
          .isLessThan(exact ? 1e-2 : 1e-1);
    }
  }

  private static void compareParameters(
      GoldenRun run, SafetensorsFile golden, String model, boolean exact) {
    double difference = 0;
    double way = 0;
    try (SafetensorsFile initial = GoldenFiles.open(model, "initial")) {
      for (Parameter parameter : run.session().network().parameters()) {
        float[] actual = run.parameter(parameter);
        float[] expected = golden.readFloats("final." + parameter.name());
        double own = GoldenFiles.squaredDistance(actual, expected);
        double moved = GoldenFiles.squaredDistance(expected, initial.readFloats(parameter.name()));
        assertThat(Math.sqrt(own / moved))
            .as("difference over distance travelled of %s", parameter.name())
            .isLessThan(exact ? 5e-2 : 2.5e-1);
        if (parameter.kind().trainable()) {
          difference += own;
          way += moved;
        }
      }
    }
    assertThat(Math.sqrt(difference / way))
        .as("difference over distance travelled of all parameters together")
        .isLessThan(exact ? 2e-2 : 1e-1);
  }
}
