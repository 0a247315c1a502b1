package dev.nibble.kernels;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The loss whose target is not the label alone. */
class LabelSmoothingTest {
  static Stream<Kernels> kernels() {
    return Providers.underTest().stream();
  }

  private static MemorySegment labels(Guarded memory, int... labels) {
    MemorySegment segment = memory.allocate(4L * labels.length);
    MemorySegment.copy(labels, 0, segment, JAVA_INT, 0, labels.length);
    return segment;
  }

  /** By PyTorch 2.13: torch.nn.functional.cross_entropy(..., label_smoothing=0.1). */
  @ParameterizedTest
  @MethodSource("kernels")
  void lossAndGradientArePyTorchs(Kernels kernels) {
    float[] logits = {1.5f, -0.25f, 0.75f, -2, 0.5f, 3};
    double[] expected = {
      -0.16292589902877808, 0.036115556955337524, 0.12681031227111816,
      -0.01357252523303032, -0.4289723038673401, 0.4425447881221771
    };
    try (Guarded memory = new Guarded(4, true)) {
      MemorySegment result = memory.allocateAligned(16);
      MemorySegment gradient = memory.allocate(24);
      kernels.loss(
          new LossArgs(2, 3, memory.allocate(logits), labels(memory, 0, 1), gradient, result, 0.1),
          2);
      memory.verify(kernels.name());
      assertThat(result.get(JAVA_DOUBLE, 0) / 2).isCloseTo(1.5834320783615112, within(1e-7));
      assertThat(result.get(JAVA_DOUBLE, 8)).isEqualTo(1);
      for (int i = 0; i < expected.length; i++) {
        assertThat((double) Guarded.floats(gradient, 6)[i]).isCloseTo(expected[i], within(1e-7));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void theGradientIsTheSlopeOfTheLoss(Kernels kernels) {
    int batch = 3;
    int classes = 7;
    double step = 1e-3;
    Random random = new Random(4);
    float[] logits = new float[batch * classes];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = 2 * (float) random.nextGaussian();
    }
    for (double smoothing : new double[] {0, 0.05, 0.3, 0.9}) {
      try (Guarded memory = new Guarded(0, true)) {
        MemorySegment x = memory.allocate(logits);
        MemorySegment result = memory.allocateAligned(16);
        MemorySegment gradient = memory.allocate(4L * logits.length);
        LossArgs args =
            new LossArgs(batch, classes, x, labels(memory, 6, 0, 3), gradient, result, smoothing);
        kernels.loss(args, batch);
        float[] slopes = Guarded.floats(gradient, logits.length);
        for (int i = 0; i < logits.length; i++) {
          float above = (float) (logits[i] + step);
          float below = (float) (logits[i] - step);
          double difference =
              (loss(kernels, args, i, above) - loss(kernels, args, i, below)) / (above - below);
          x.set(JAVA_FLOAT, 4L * i, logits[i]);
          assertThat((double) slopes[i])
              .as("%s, smoothing %s, logit %d", kernels.name(), smoothing, i)
              .isCloseTo(difference / batch, within(1e-6));
        }
      }
    }
  }

  private static double loss(Kernels kernels, LossArgs args, int index, float value) {
    args.logits().set(JAVA_FLOAT, 4L * index, value);
    kernels.loss(args, args.batch());
    return args.result().get(JAVA_DOUBLE, 0);
  }
}
