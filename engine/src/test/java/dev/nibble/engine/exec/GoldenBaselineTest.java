package dev.nibble.engine.exec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.kernels.StoreFormat;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ten steps of the naive baseline, which computes with its codes, against golden vectors. */
@Tag("gpu")
class GoldenBaselineTest {
  @BeforeAll
  static void requireGoldenFiles() {
    GoldenFiles.require();
  }

  private static GoldenRun run(String model) {
    return new GoldenRun(
        GoldenFiles.FOLDER, model, StoreFormat.UNIFORM4, true, 2, TestKernels.chosen());
  }

  /**
   * The naive baseline cannot agree to 2e-3 after ten steps: a code that falls to the other side of
   * a bin's edge enters the forward pass, moves other values across edges of theirs, and the
   * difference grows from step to step; that errors pile up is what is wrong with it. The first
   * loss agrees; for the last, this engine departs from itself by about as much when its pictures
   * change by a millionth, which the test shows beside the golden values.
   */
  @ParameterizedTest
  @ValueSource(strings = {"resnet8", "resnet11"})
  void theNaiveBaselineStartsTheSameAndThenDependsOnTheLastDigit(String model) {
    float[] losses;
    float[] disturbed;
    try (GoldenRun run = run(model)) {
      losses = run.train();
    }
    try (GoldenRun run = run(model)) {
      disturbed = run.train(1e-6);
    }
    try (SafetensorsFile golden = GoldenFiles.open(model, "naive4")) {
      float[] expected = golden.readFloats("losses");
      assertThat(GoldenFiles.relative(losses[0], expected[0])).isLessThan(1e-4);
      double most = 0;
      for (int i = 0; i < losses.length; i++) {
        assertThat(GoldenFiles.relative(losses[i], expected[i]))
            .as("relative error of loss %d", i)
            .isLessThan(5e-2);
        most = Math.max(most, GoldenFiles.relative(disturbed[i], losses[i]));
      }
      assertThat(most).as("the largest departure of a loss from itself").isBetween(1e-3, 5e-2);
    }
  }
}
