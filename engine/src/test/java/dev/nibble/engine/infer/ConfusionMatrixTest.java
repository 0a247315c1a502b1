package dev.nibble.engine.infer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ConfusionMatrixTest {
  private static float[] answer(int classes, int predicted) {
    float[] logits = new float[classes];
    logits[predicted] = 1;
    return logits;
  }

  /** Worked by hand: 3 cats of which 2 found, 2 dogs of which 1 found, nothing taken for a cow. */
  @Test
  void figuresAreThoseOfTheDefinitions() {
    ConfusionMatrix matrix = new ConfusionMatrix(List.of("cat", "dog", "cow"));
    int[][] pictures = {{0, 0}, {0, 0}, {0, 1}, {1, 1}, {1, 0}, {2, 1}};
    for (int[] picture : pictures) {
      matrix.add(picture[0], answer(3, picture[1]), 0);
    }
    assertThat(matrix.total()).isEqualTo(6);
    assertThat(matrix.count(0, 1)).isEqualTo(1);
    assertThat(matrix.accuracy()).isCloseTo(0.5, within(1e-12));
    assertThat(matrix.precision(0)).isCloseTo(2 / 3.0, within(1e-12));
    assertThat(matrix.recall(0)).isCloseTo(2 / 3.0, within(1e-12));
    assertThat(matrix.precision(1)).isCloseTo(1 / 3.0, within(1e-12));
    assertThat(matrix.recall(1)).isCloseTo(0.5, within(1e-12));
    assertThat(matrix.f1(1)).isCloseTo(0.4, within(1e-12));
    assertThat(matrix.precision(2)).isNaN();
    assertThat(matrix.recall(2)).isZero();
    assertThat(matrix.f1(2)).isZero();
    assertThat(matrix.meanF1()).isCloseTo((2 / 3.0 + 0.4 + 0) / 3, within(1e-12));
    assertThat(matrix.topFive()).isEqualTo(1);
    assertThat(matrix.worst(2)).hasSize(2).allMatch(pair -> pair.pictures() == 1);
    assertThat(matrix.worst(9)).hasSize(3);
  }

  /** Against a plain sort of each picture's logits. */
  @Test
  void topFiveCountsWhatIsAmongTheFiveLargest() {
    SplittableRandom random = new SplittableRandom(3);
    ConfusionMatrix matrix =
        new ConfusionMatrix(List.of("a", "b", "c", "d", "e", "f", "g", "h", "i"));
    int expected = 0;
    for (int i = 0; i < 200; i++) {
      float[] logits = new float[9];
      for (int c = 0; c < 9; c++) {
        logits[c] = (float) random.nextGaussian();
      }
      int label = random.nextInt(9);
      int above = 0;
      for (float logit : logits) {
        above += logit > logits[label] ? 1 : 0;
      }
      expected += above < 5 ? 1 : 0;
      matrix.add(label, logits, 0);
    }
    assertThat(matrix.topFive()).isEqualTo(expected / 200.0).isBetween(0.3, 0.8);
  }

  @Test
  void logitsThatNameNoClassAreWrongAndSaySo() {
    ConfusionMatrix matrix = new ConfusionMatrix(List.of("cat", "dog"));
    matrix.add(0, new float[] {Float.NaN, 0}, 0);
    matrix.add(1, new float[] {0, 1}, 0);
    assertThat(matrix.unanswered()).isEqualTo(1);
    assertThat(matrix.accuracy()).isEqualTo(0.5);
    assertThat(matrix.recall(0)).isNaN();
    assertThatThrownBy(() -> matrix.add(2, new float[2], 0))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> new ConfusionMatrix(List.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
