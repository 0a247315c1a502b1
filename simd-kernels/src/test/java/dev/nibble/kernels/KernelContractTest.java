package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.scalar.ScalarKernels;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every provider computes what the scalar one does, on any stage, and touches nothing else. */
@Tag("gpu")
class KernelContractTest {
  private static final double TOLERANCE = 1e-5;

  /** How much larger the terms of a gradient of gamma or beta may be than their sum. */
  private static final double CANCELLED = 20;

  private static final int RANDOM_STAGES = 480;

  static LongStream seeds() {
    return LongStream.range(0, RANDOM_STAGES);
  }

  /** Every count of channels around the widths of vectors, in and out. */
  static Stream<Convolution> convolutions() {
    int[] channels = {1, 3, 5, 8, 15, 16, 17, 24, 31, 32, 33, 48, 64, 100};
    return IntStream.of(channels)
        .boxed()
        .flatMap(
            in ->
                IntStream.of(channels)
                    .mapToObj(
                        out ->
                            new Convolution(
                                new FeatureMap(3 + out % 4, 2 + in % 5, in),
                                out,
                                (in + out) % 3 == 0 ? 1 : 3,
                                1 + (in * out) % 2,
                                out % 2 == 1)));
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void randomStage(long seed) {
    compare(StageCases.random(seed));
  }

  @ParameterizedTest
  @MethodSource("convolutions")
  void convolutionOfAnyChannels(Convolution op) {
    compare(StageCases.around(op, 1000L * op.input().channels() + op.outChannels()));
  }

  /** Shapes that have a fast algorithm, with pictures that its tiles fit and that they do not. */
  static Stream<Convolution> fastConvolutions() {
    int[][] shapes = {
      {8, 8, 16, 16}, {4, 4, 64, 64}, {7, 9, 32, 16}, {5, 16, 16, 48}, {16, 16, 16, 32}
    };
    return Stream.of(shapes)
        .map(s -> new Convolution(new FeatureMap(s[0], s[1], s[2]), s[3], 3, 1, s[3] == 48));
  }

  @ParameterizedTest
  @MethodSource("fastConvolutions")
  void convolutionWithAFastAlgorithm(Convolution op) {
    for (int seed = 0; seed < 4; seed++) {
      compare(StageCases.around(op, 7000 + seed));
    }
  }

  /** Small pictures and weights that stay in no core's cache: several are multiplied at a time. */
  static Stream<Convolution> gatheredConvolutions() {
    return Stream.of(
        new Convolution(new FeatureMap(5, 6, 256), 320, 3, 1, true),
        new Convolution(new FeatureMap(8, 4, 272), 256, 3, 1, false));
  }

  @ParameterizedTest
  @MethodSource("gatheredConvolutions")
  void convolutionOfGatheredPictures(Convolution op) {
    for (int seed = 0; seed < 3; seed++) {
      compare(StageCases.around(op, 8000 + seed));
    }
  }

  /** Pictures so large that every operator takes them in many bands. */
  static Stream<Operator> largePictures() {
    FeatureMap wide = new FeatureMap(112, 112, 16);
    FeatureMap odd = new FeatureMap(91, 149, 12);
    return Stream.of(
        new Convolution(new FeatureMap(224, 224, 3), 8, 7, 2, false),
        new Convolution(wide, 16, 3, 1, false),
        new Convolution(wide, 16, 3, 2, true),
        new Convolution(odd, 20, 3, 1, false),
        new Convolution(odd, 16, 5, 2, false),
        new Convolution(new FeatureMap(56, 56, 64), 32, 1, 2, false),
        new Convolution(new FeatureMap(56, 56, 64), 48, 1, 1, true),
        new Convolution(new FeatureMap(1, 1, 2048), 1000, 1, 1, true),
        new Convolution(new FeatureMap(14, 14, 128), 64, 3, 1, false),
        new Convolution(new FeatureMap(7, 7, 96), 128, 3, 1, false),
        Convolution.depthwise(new FeatureMap(112, 112, 32), 3, 1),
        Convolution.depthwise(odd, 5, 2),
        new Operator.MaxPooling(new FeatureMap(112, 112, 32), 3, 2),
        new Operator.MaxPooling(odd, 2, 2),
        new Operator.GlobalAveragePooling(new FeatureMap(96, 57, 40)),
        new Operator.Resample(odd, 3, 20),
        Operator.Resample.identity(wide));
  }

  @ParameterizedTest
  @MethodSource("largePictures")
  void pictureOfManyBands(Operator op) {
    for (int seed = 0; seed < 3; seed++) {
      compare(StageCases.around(op, 9000 + seed));
    }
  }

  private static void compare(StageCase run) {
    Kernels scalar = new ScalarKernels();
    StageRun.Result forward = StageRun.forward(scalar, run);
    StageRun.Result backward = run.trains() ? StageRun.backward(scalar, run, forward) : null;
    for (Kernels kernels : Providers.underTest()) {
      String what = kernels.name() + ", " + run;
      StageRun.Result actual = StageRun.forward(kernels, run);
      compare(what, forward.floats(), actual.floats());
      compareStores(what, run, forward.bytes(), actual.bytes());
      if (backward != null) {
        compare(what, backward.floats(), StageRun.backward(kernels, run, forward).floats());
      }
    }
  }

  private static void compare(
      String what, Map<String, float[]> expected, Map<String, float[]> actual) {
    assertThat(actual.keySet()).isEqualTo(expected.keySet());
    expected.forEach(
        (name, values) -> {
          double scale = scale(name, expected, values);
          assertClose(what + ": " + name, values, actual.getOrDefault(name, new float[0]), scale);
        });
  }

  /** What a result's rounding goes by: that of what it is summed of, which may cancel. */
  private static double scale(String name, Map<String, float[]> expected, float[] values) {
    double own = largest(values);
    return switch (name) {
      case "mean" -> Math.max(own, largest(expected.get("y")));
      case "variance" -> Math.max(own, Math.pow(largest(expected.get("y")), 2));
      case "dgamma", "dbeta", "dslope" -> CANCELLED * own;
      default -> own;
    };
  }

  private static double largest(float @Nullable [] values) {
    double max = 0;
    for (float value : values == null ? new float[0] : values) {
      max = Math.max(max, Math.abs(value));
    }
    return max;
  }

  private static void assertClose(String what, float[] expected, float[] actual, double max) {
    assertThat(actual).as(what).hasSameSizeAs(expected);
    assertThat(max).as("the largest expected value of %s", what).isFinite();
    for (int i = 0; i < expected.length; i++) {
      double difference = Math.abs((double) expected[i] - actual[i]);
      if (!(difference <= TOLERANCE * max + 1e-12)) {
        assertThat(actual[i]).as("%s[%d], of at most %s", what, i, max).isEqualTo(expected[i]);
      }
    }
  }

  private static void compareStores(
      String what, StageCase run, Map<String, byte[]> expected, Map<String, byte[]> actual) {
    assertThat(actual.keySet()).as(what).isEqualTo(expected.keySet());
    assertThat(actual.get("argmax")).as("%s: argmax", what).isEqualTo(expected.get("argmax"));
    byte[] store = expected.get("store");
    byte[] other = actual.get("store");
    if (store == null || other == null) {
      return;
    }
    if (run.stage().activation().store().isCodes()) {
      CodeCheck.compare(what, run, store, other);
    } else {
      try (Guarded memory = new Guarded(0, false)) {
        int count = store.length / 4;
        float[] values = Guarded.floats(memory.allocate(store), count);
        assertClose(
            what + ": store",
            values,
            Guarded.floats(memory.allocate(other), count),
            largest(values));
      }
    }
  }
}
