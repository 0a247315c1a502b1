package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Layer, group, instance and global response norm: many runs of pixels, hard moments, what is not a
 * number.
 */
class GroupNormTest {
  static Stream<Kernels> kernels() {
    return Providers.underTest().stream();
  }

  /** Pictures of one run and of many, with a last one that is short; channels around vectors. */
  static Stream<GroupNorm> large() {
    FeatureMap small = new FeatureMap(13, 29, 40);
    FeatureMap large = new FeatureMap(31, 31, 33);
    FeatureMap narrow = new FeatureMap(29, 13, 6);
    return Stream.of(
        GroupNorm.byPixel(small, 1e-2f),
        GroupNorm.byPixel(narrow, 1e-2f),
        GroupNorm.of(large, 11, 1e-5f),
        GroupNorm.byResponse(large, 1e-5f, true),
        GroupNorm.byResponse(narrow, 1e-5f, false),
        GroupNorm.of(narrow, 6, 1e-5f));
  }

  @ParameterizedTest
  @MethodSource("large")
  void picturesOfManyRuns(GroupNorm op) {
    StageComparison.compare(StageCases.around(op, 9000));
  }

  /** The mean is a thousand deviations away from 0. */
  @ParameterizedTest
  @MethodSource("kernels")
  void valuesFarFromZero(Kernels kernels) {
    FeatureMap map = new FeatureMap(23, 19, 24);
    for (GroupNorm op : List.of(GroupNorm.byPixel(map, 1e-5f), GroupNorm.of(map, 4, 1e-5f))) {
      Random random = new Random(5);
      float[] x = new float[map.values()];
      for (int i = 0; i < x.length; i++) {
        x[i] = 1000 + (float) random.nextGaussian();
      }
      float[] y = forward(kernels, op, x);
      for (int set = 0; set < op.sets(); set++) {
        double sum = 0;
        double squares = 0;
        for (int i = 0; i < y.length; i++) {
          if (op.set(i / map.channels(), i % map.channels()) == set) {
            sum += y[i];
            squares += (double) y[i] * y[i];
          }
        }
        assertThat(sum / op.setValues()).as("mean of set %d", set).isBetween(-1e-3, 1e-3);
        assertThat(squares / op.setValues()).as("variance of set %d", set).isBetween(0.999, 1.001);
      }
    }
  }

  /** It reaches all that shares its mean, and nothing else. */
  @ParameterizedTest
  @MethodSource("kernels")
  void whatIsNotANumberStaysInItsSet(Kernels kernels) {
    FeatureMap map = new FeatureMap(3, 5, 18);
    for (GroupNorm op :
        List.of(
            GroupNorm.byPixel(map, 1e-5f),
            GroupNorm.of(map, 3, 1e-5f),
            GroupNorm.of(map, 18, 1e-5f))) {
      float[] x = new float[map.values()];
      for (int i = 0; i < x.length; i++) {
        x[i] = i % 7;
      }
      int place = 4 * map.channels() + 17;
      x[place] = Float.NaN;
      float[] y = forward(kernels, op, x);
      int set = op.set(4, 17);
      for (int i = 0; i < y.length; i++) {
        boolean shares = op.set(i / map.channels(), i % map.channels()) == set;
        assertThat(Float.isNaN(y[i])).as("%s: value %d", op, i).isEqualTo(shares);
      }
    }
  }

  /** A channel of zeros has a response of 0, and is no trouble to the others. */
  @ParameterizedTest
  @MethodSource("kernels")
  void responsesAreSharesOfTheirMean(Kernels kernels) {
    FeatureMap map = new FeatureMap(3, 5, 4);
    float[] x = new float[map.values()];
    for (int i = 0; i < x.length; i++) {
      x[i] = i % 4 * (i % 8 < 4 ? 1 : -1);
    }
    float[] y = forward(kernels, GroupNorm.byResponse(map, 1e-6f, true), x);
    // Lengths are 0, 1, 2 and 3 times sqrt(15), their mean is 1.5 times that.
    for (int i = 0; i < y.length; i++) {
      assertThat(y[i]).isCloseTo(x[i] * (i % 4) / 1.5f, within(1e-5f));
    }
  }

  /** A constant has no deviation: its output is the shift. */
  @ParameterizedTest
  @MethodSource("kernels")
  void aConstantBecomesTheShift(Kernels kernels) {
    FeatureMap map = new FeatureMap(5, 5, 6);
    float[] x = new float[map.values()];
    Arrays.fill(x, 0.1f);
    for (GroupNorm op : List.of(GroupNorm.byPixel(map, 1e-5f), GroupNorm.of(map, 2, 1e-5f))) {
      for (float value : forward(kernels, op, x)) {
        assertThat(value).isBetween(-1e-4f, 1e-4f);
      }
    }
  }

  private static float[] forward(Kernels kernels, GroupNorm op, float[] x) {
    try (Guarded memory = new Guarded(0, true)) {
      int channels = op.input().channels();
      float[] ones = new float[channels];
      Arrays.fill(ones, 1f);
      MemorySegment y = memory.allocate(op.output().bytes());
      Stage stage = new Stage(op, Activation.IDENTITY, null, false);
      Runner.forward(
          kernels,
          new ForwardArgs(
              stage,
              1,
              memory.allocate(x),
              null,
              null,
              memory.allocate(ones),
              memory.allocate(new float[channels]),
              null,
              null,
              y,
              null),
          0,
          1);
      memory.verify(kernels.name());
      return Guarded.floats(y, op.output().values());
    }
  }

  @Test
  void whatHasNoMeaningIsRefused() {
    FeatureMap map = new FeatureMap(2, 2, 6);
    assertThatThrownBy(() -> GroupNorm.of(map, 4, 1e-5f))
        .hasMessage("4 groups do not divide 6 channels");
    assertThatThrownBy(() -> new GroupNorm(map, 2, true, 1e-5f, true))
        .hasMessageContaining("not in groups");
    assertThatThrownBy(() -> new GroupNorm(map, 2, false, true, 1e-5f, true))
        .hasMessageContaining("a response for each channel");
    assertThatThrownBy(() -> GroupNorm.byPixel(map, 0)).hasMessageContaining("above 0");
    assertThatThrownBy(() -> GroupNorm.byPixel(map, Float.NaN)).hasMessageContaining("above 0");
  }
}
