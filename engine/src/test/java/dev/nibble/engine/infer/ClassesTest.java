package dev.nibble.engine.infer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What logits say. */
class ClassesTest {
  private static final float NAN = Float.NaN;

  @Test
  void probabilitiesAreTheSoftmaxOfOnePicturesLogits() {
    float[] logits = {9, 9, 9, 1000, 1000, 999};
    double[] shares = new double[3];
    Classes.probabilities(logits, 1, 3, shares);
    double e = Math.exp(-1);
    assertThat(shares[0]).isCloseTo(1 / (2 + e), within(1e-12));
    assertThat(shares[1]).isEqualTo(shares[0]);
    assertThat(shares[2]).isCloseTo(e / (2 + e), within(1e-12));
    Classes.probabilities(logits, 0, 3, shares);
    assertThat(shares).containsOnly(1 / 3.0);
    assertThatThrownBy(() -> Classes.probabilities(logits, 0, 3, new double[2]))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void lossIsTheLogarithmOfTheLabelsShare() {
    float[] logits = {0, 0, 0, 1, 3, 2};
    double[] shares = new double[3];
    Classes.probabilities(logits, 1, 3, shares);
    for (int label = 0; label < 3; label++) {
      assertThat(Classes.loss(logits, 1, 3, label))
          .isCloseTo(-Math.log(shares[label]), within(1e-12));
    }
    assertThat(Classes.loss(new float[] {-5000, 5000}, 0, 2, 0)).isEqualTo(10000);
    assertThatThrownBy(() -> Classes.loss(logits, 0, 3, 3))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void largestIsTheFirstOfEquals() {
    assertThat(Classes.largest(new float[] {5, 1, 7, 7, 2, 0}, 0, 6)).isEqualTo(2);
    assertThat(Classes.largest(new float[] {5, 1, 7, 7, 2, 0}, 1, 3)).isZero();
  }

  @Test
  void logitsThatAreNotFiniteNameNoClass() {
    float up = Float.POSITIVE_INFINITY;
    float down = Float.NEGATIVE_INFINITY;
    float[][] faults = {
      {NAN, -3, -2}, {-3, -2, NAN}, {NAN, NAN, NAN}, {0, up, 0}, {up, down, up}, {down, down, down}
    };
    for (float[] logits : faults) {
      assertThat(Classes.largest(logits, 0, 3)).isEqualTo(Classes.NONE);
      double[] shares = new double[3];
      Classes.probabilities(logits, 0, 3, shares);
      assertThat(shares).containsOnly(Double.NaN);
      assertThat(Classes.loss(logits, 0, 3, 1)).isNaN();
    }
    double[] shares = new double[3];
    Classes.probabilities(new float[] {down, 1, down}, 0, 3, shares);
    assertThat(shares).containsExactly(0, 1, 0);
    assertThat(Classes.largest(new float[] {down, 1, down}, 0, 3)).isEqualTo(1);
  }

  @Test
  void topSortsByLogitThenByClass() {
    SplittableRandom random = new SplittableRandom(1);
    for (int round = 0; round < 200; round++) {
      int classes = 1 + random.nextInt(9);
      float[] logits = new float[2 * classes];
      for (int i = 0; i < logits.length; i++) {
        logits[i] = random.nextInt(5);
      }
      int[] top = new int[random.nextInt(classes + 1)];
      Classes.top(logits, 1, classes, top);
      int[] expected =
          IntStream.range(0, classes)
              .boxed()
              .sorted(Comparator.comparingDouble((Integer c) -> -logits[classes + c]))
              .limit(top.length)
              .mapToInt(Integer::intValue)
              .toArray();
      assertThat(top).as("round %d", round).isEqualTo(expected);
    }
  }

  @Test
  void topPutsNanLastAndRefusesWhatThereIsNot() {
    int[] top = new int[4];
    Classes.top(new float[] {NAN, 2, NAN, 3}, 0, 4, top);
    assertThat(top).containsExactly(3, 1, 0, 2);
    assertThatThrownBy(() -> Classes.top(new float[3], 0, 3, top))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("There are 3 classes, so the largest 4 can't be named.");
    assertThatThrownBy(() -> Classes.largest(new float[5], 1, 3))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("The 5 logits hold no picture 1 of 3 classes.");
  }
}
