package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Operator.Convolution;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every provider computes what the scalar one does, on any stage, and touches nothing else. */
@Tag("gpu")
class KernelContractTest {
  /** Skips all cases at once where the provider of this run is missing. */
  @BeforeAll
  static void findProviders() {
    assertThat(Providers.underTest()).isNotEmpty();
  }

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
    StageComparison.compare(StageCases.random(seed));
  }

  @ParameterizedTest
  @MethodSource("convolutions")
  void convolutionOfAnyChannels(Convolution op) {
    StageComparison.compare(
        StageCases.around(op, 1000L * op.input().channels() + op.outChannels()));
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
      StageComparison.compare(StageCases.around(op, 7000 + seed));
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
    for (int seed = 0; seed < StageComparison.SEEDS; seed++) {
      StageComparison.compare(StageCases.around(op, 8000 + seed));
    }
  }
}
