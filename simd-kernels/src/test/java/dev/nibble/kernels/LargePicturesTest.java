package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Operator.Convolution;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The contract ({@link KernelContractTest}) on large pictures: a class of its own, so that it runs
 * beside the other.
 */
@Tag("gpu")
class LargePicturesTest {
  /** Skips all cases at once where the provider of this run is missing. */
  @BeforeAll
  static void findProviders() {
    assertThat(Providers.underTest()).isNotEmpty();
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
        new Sampling(odd, AxisSampling.linear(91, 182), AxisSampling.linear(149, 298)),
        new Sampling(
            new FeatureMap(28, 28, 36),
            AxisSampling.nearest(28, 112),
            AxisSampling.nearest(28, 112)),
        new Operator.GlobalAveragePooling(new FeatureMap(96, 57, 40)),
        new Operator.Resample(odd, 3, 20),
        Operator.Resample.identity(wide));
  }

  /** Parts of some rows more than a band, which are too few for a band of their own. */
  @ParameterizedTest
  @ValueSource(ints = {33, 34, 37, 38, 39, 42, 45, 47, 49, 50})
  void aBandTakesWhatIsLeftOverOfAPart(int rows) {
    Operator slice = Operator.Padding.slice(new FeatureMap(2 * rows, 112, 16), 0, 8);
    StageCase run =
        Stream.iterate(9000L, seed -> seed + 1)
            .map(seed -> StageCases.around(slice, seed))
            .filter(c -> c.parts() == 2 && !c.stage().activation().naive())
            .findFirst()
            .orElseThrow();
    StageComparison.compare(run);
  }

  @ParameterizedTest
  @MethodSource("largePictures")
  void pictureOfManyBands(Operator op) {
    for (int seed = 0; seed < StageComparison.SEEDS; seed++) {
      StageComparison.compare(StageCases.around(op, 9000 + seed));
    }
  }
}
