package dev.nibble.kernels;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Losses of more than a label a picture. */
class LossFunctionsTest {
  private static final float[] LOGITS = {1.5f, -0.25f, 0.75f, -2, 0.5f, 3};
  private static final float[] WEIGHTS = {0.5f, 2, 1.25f};
  private static final float[] NONE = {};
  private static final float[] SHARES = {0.7f, 0.3f, 0, 0, 0.25f, 0.75f};
  private static final float[] MARKS = {1, 0, 1, 0, 0.3f, 0};
  private static final float[] NUMBERS = {1, -2, 0.5f, 3, 0, 10};

  static Stream<Kernels> kernels() {
    return Providers.underTest().stream();
  }

  /** What PyTorch gives for a loss: the mean, and the slopes. */
  @SuppressWarnings("ArrayRecordComponent") // nobody compares them
  private record Expected(
      LossFunction function,
      float[] targets,
      float[] weights,
      double smoothing,
      double correct,
      double loss,
      double... slopes) {}

  /**
   * By PyTorch 2.13 in double, with x the logits, w the weights, t, b and m the targets: {@code
   * F.cross_entropy(x, tensor([0, 1]), weight=w)}, the same with label_smoothing=0.1, {@code
   * F.cross_entropy(x, t)}, {@code F.cross_entropy(x, t, weight=w, label_smoothing=0.1)}, {@code
   * F.binary_cross_entropy_with_logits(x, b)}, the same with pos_weight=w, {@code F.mse_loss(x,
   * m)}; then {@code .backward()}.
   */
  private static Stream<Expected> expected() {
    return Stream.of(
        new Expected(
            LossFunction.CROSS_ENTROPY,
            NONE,
            WEIGHTS,
            0,
            1,
            2.167764488040078,
            -0.0785036875875883,
            0.021112893322592047,
            0.05739079426499626,
            0.004950628218240026,
            -0.7396890016296027,
            0.7347383734113626),
        new Expected(
            LossFunction.CROSS_ENTROPY,
            NONE,
            WEIGHTS,
            0.1,
            1,
            2.1393312409581102,
            -0.0469459073923932,
            -0.002386839345685813,
            0.049332746738079025,
            -0.001901687006610641,
            -0.6886173307351592,
            0.6905190177417698),
        new Expected(
            LossFunction.SOFT_CROSS_ENTROPY,
            SHARES,
            NONE,
            0,
            2,
            0.86676535055373,
            -0.04625921896897073,
            -0.09721776669351988,
            0.14347698566249065,
            0.0030941426364000163,
            -0.08730562601850167,
            0.0842114833821016),
        new Expected(
            LossFunction.SOFT_CROSS_ENTROPY,
            SHARES,
            WEIGHTS,
            0.1,
            2,
            1.5385565852971592,
            0.13183263207707532,
            -0.25160674469298283,
            0.1197741126159075,
            -0.003943518467940809,
            -0.20485444024708258,
            0.20879795871502335),
        new Expected(
            LossFunction.BINARY_CROSS_ENTROPY,
            MARKS,
            NONE,
            0,
            1,
            0.8606360084622194,
            -0.030404253967726058,
            0.07297058318570032,
            -0.05347021680410117,
            0.019867153670352924,
            0.05374322186697577,
            0.15876235447040557),
        new Expected(
            LossFunction.BINARY_CROSS_ENTROPY,
            MARKS,
            WEIGHTS,
            0,
            1,
            0.8836750430941164,
            -0.015202126983863029,
            0.07297058318570032,
            -0.06683777100512646,
            0.019867153670352924,
            0.03486618842706851,
            0.15876235447040557),
        new Expected(
            LossFunction.SQUARED_ERROR,
            NUMBERS,
            NONE,
            0,
            0,
            12.9375,
            0.16666666666666666,
            0.5833333333333333,
            0.08333333333333333,
            -1.6666666666666665,
            0.16666666666666666,
            -2.333333333333333));
  }

  private static MemorySegment targets(Guarded memory, LossFunction function, float[] targets) {
    if (!function.readsLabels()) {
      return memory.allocate(targets);
    }
    MemorySegment labels = memory.allocate(8);
    labels.setAtIndex(JAVA_INT, 0, 0);
    labels.setAtIndex(JAVA_INT, 1, 1);
    return labels;
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void lossAndGradientArePyTorchs(Kernels kernels) {
    expected()
        .forEach(
            each -> {
              try (Guarded memory = new Guarded(4, true)) {
                MemorySegment result = memory.allocateAligned(16);
                MemorySegment gradient = memory.allocate(24);
                kernels.loss(
                    new LossArgs(
                        2,
                        3,
                        memory.allocate(LOGITS),
                        targets(memory, each.function(), each.targets()),
                        gradient,
                        result,
                        each.smoothing(),
                        each.function(),
                        each.weights()),
                    2);
                memory.verify(kernels.name());
                String what = kernels.name() + " " + each.function() + " " + each.smoothing();
                assertThat(result.get(JAVA_DOUBLE, 0) / 2)
                    .as(what)
                    .isCloseTo(each.loss(), within(1e-7));
                assertThat(result.get(JAVA_DOUBLE, 8)).as(what).isEqualTo(each.correct());
                for (int i = 0; i < 6; i++) {
                  assertThat((double) Guarded.floats(gradient, 6)[i])
                      .as("%s, logit %d", what, i)
                      .isCloseTo(each.slopes()[i], within(1e-6));
                }
              }
            });
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void theGradientIsTheSlopeOfTheLoss(Kernels kernels) {
    int batch = 3;
    int classes = 5;
    int count = 2; // not all that the buffers hold
    Random random = new Random(8);
    float[] logits = new float[batch * classes];
    float[] targets = new float[batch * classes];
    float[] weights = new float[classes];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = 2 * (float) random.nextGaussian();
      targets[i] = random.nextFloat();
      weights[i % classes] = 0.1f + random.nextFloat();
    }
    for (LossFunction function : LossFunction.values()) {
      try (Guarded memory = new Guarded(0, true)) {
        MemorySegment x = memory.allocate(logits);
        MemorySegment wanted = memory.allocate(targets);
        for (int i = 0; function.readsLabels() && i < batch; i++) {
          wanted.setAtIndex(JAVA_INT, i, i + 1);
        }
        MemorySegment result = memory.allocateAligned(16);
        MemorySegment gradient = memory.allocate(4L * logits.length);
        LossArgs args =
            new LossArgs(
                batch,
                classes,
                x,
                wanted,
                gradient,
                result,
                function.isSoftmax() ? 0.2 : 0,
                function,
                function == LossFunction.SQUARED_ERROR ? NONE : weights);
        kernels.loss(args, count);
        float[] slopes = Guarded.floats(gradient, logits.length);
        for (int i = 0; i < count * classes; i++) {
          float above = logits[i] + 1e-3f;
          float below = logits[i] - 1e-3f;
          double difference =
              (loss(kernels, args, i, above, count) - loss(kernels, args, i, below, count))
                  / (above - below);
          x.setAtIndex(JAVA_FLOAT, i, logits[i]);
          assertThat((double) slopes[i])
              .as("%s, %s, logit %d", kernels.name(), function, i)
              .isCloseTo(difference / count, within(1e-5));
        }
      }
    }
  }

  private static double loss(Kernels kernels, LossArgs args, int index, float value, int count) {
    args.logits().setAtIndex(JAVA_FLOAT, index, value);
    kernels.loss(args, count);
    return args.result().get(JAVA_DOUBLE, 0);
  }

  /** Logits that an exponential would overflow by; and those that are no numbers are no loss. */
  @ParameterizedTest
  @MethodSource("kernels")
  void largeLogitsStayFiniteAndNumbersThatAreNoneDoNot(Kernels kernels) {
    for (LossFunction function : LossFunction.values()) {
      if (function.readsLabels()) {
        continue;
      }
      try (Guarded memory = new Guarded(0, true)) {
        MemorySegment x = memory.allocate(new float[] {400, -400, 3e4f});
        MemorySegment result = memory.allocateAligned(16);
        MemorySegment gradient = memory.allocate(12);
        LossArgs args =
            new LossArgs(
                1,
                3,
                x,
                memory.allocate(new float[] {0, 1, 0}),
                gradient,
                result,
                0,
                function,
                NONE);
        kernels.loss(args, 1);
        assertThat(result.get(JAVA_DOUBLE, 0)).as(function.name()).isFinite().isPositive();
        for (float slope : Guarded.floats(gradient, 3)) {
          assertThat(slope).as(function.name()).isFinite();
        }
        x.set(JAVA_FLOAT, 4, Float.NaN);
        kernels.loss(args, 1);
        assertThat(result.get(JAVA_DOUBLE, 0)).as(function.name()).isNaN();
        assertThat(result.get(JAVA_DOUBLE, 8)).as(function.name()).isZero();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void targetsWithoutAMeaningAreRefusedBeforeAnythingIsWritten(Kernels kernels) {
    for (LossFunction function : LossFunction.values()) {
      float[] wrongs =
          switch (function) {
            case CROSS_ENTROPY -> NONE;
            case SQUARED_ERROR -> new float[] {Float.NaN, Float.POSITIVE_INFINITY};
            default -> new float[] {Float.NaN, -0.1f, 1.1f};
          };
      for (float wrong : wrongs) {
        try (Guarded memory = new Guarded(0, true)) {
          MemorySegment gradient = memory.allocate(new float[] {7, 7, 7, 7});
          LossArgs args =
              new LossArgs(
                  2,
                  2,
                  memory.allocate(new float[4]),
                  memory.allocate(new float[] {0, 1, 0, wrong}),
                  gradient,
                  memory.allocateAligned(16),
                  0,
                  function,
                  NONE);
          assertThatThrownBy(() -> kernels.loss(args, 2))
              .isInstanceOf(IllegalArgumentException.class)
              .hasMessageContaining("Target 1 of picture 1 is " + wrong);
          assertThat(Guarded.floats(gradient, 4)).containsOnly(7);
          kernels.loss(args, 1);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void weightsAndSmoothingBelongToSome(Kernels kernels) {
    try (Guarded memory = new Guarded(0, true)) {
      MemorySegment floats = memory.allocate(new float[8]);
      for (LossFunction function : LossFunction.values()) {
        for (float[] weights : new float[][] {{1}, {1, 0}, {1, -1}, {1, Float.NaN}}) {
          assertThatThrownBy(() -> args(floats, 0, function, weights))
              .as("%s %s", kernels.name(), function)
              .isInstanceOf(IllegalArgumentException.class);
        }
        if (!function.isSoftmax()) {
          assertThatThrownBy(() -> args(floats, 0.1, function, NONE))
              .hasMessageContaining("smoothing");
        }
      }
      assertThatThrownBy(() -> args(floats, 0, LossFunction.SQUARED_ERROR, new float[] {1, 1}))
          .hasMessageContaining("no weights");
    }
  }

  private static LossArgs args(
      MemorySegment floats, double smoothing, LossFunction function, float[] weights) {
    return new LossArgs(2, 2, floats, floats, null, floats, smoothing, function, weights);
  }
}
