package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A new model takes over only where it is no worse: over all, and on each class. */
class AcceptanceTest {
  /** Scores of classes a, b, c, ...: right, held out, right, held out. */
  private static Scores scores(int... figures) {
    List<Scores.OfClass> classes = new ArrayList<>();
    for (int i = 0; i < figures.length; i += 2) {
      classes.add(new Scores.OfClass("" + (char) ('a' + i / 2), figures[i], figures[i + 1]));
    }
    return new Scores(classes, 0);
  }

  @ParameterizedTest
  @CsvSource({
    // of a class of so many: right before and after, whether that may be
    "1000, 950, 930, true",
    "1000, 950, 900, false",
    "100, 95, 90, true",
    "100, 95, 80, false",
    "10, 10, 8, true",
    "10, 10, 5, false",
    "3, 3, 2, true",
    "3, 3, 0, false",
    "2, 2, 0, false",
    "1, 1, 0, true", // one picture says nothing
    "50, 0, 0, true"
  })
  void aClassMayLoseTheMarginAndWhatChanceMoves(int held, int before, int after, boolean accepted) {
    // The other class makes up for it, so that over all nothing is lost.
    Scores then = scores(before, held, 500, 2000);
    Scores now = scores(after, held, 500 + before - after, 2000);
    String refusal = Acceptance.refusal(now, then, 4L, 0.01);
    if (accepted) {
      assertThat(refusal).isNull();
    } else {
      assertThat(refusal).contains("'a'", "version 4", after + " of " + held);
    }
  }

  @Test
  void manyClassesAreNoReasonToRefuse() {
    int[] before = new int[2000];
    int[] after = new int[2000];
    SplittableRandom random = new SplittableRandom(5);
    for (int c = 0; c < 1000; c++) {
      for (int i = 0; i < 50; i++) {
        boolean right = random.nextInt(10) < 8;
        boolean still = random.nextInt(10) < 8 ? right : random.nextInt(10) < 8;
        before[2 * c] += right ? 1 : 0;
        after[2 * c] += still ? 1 : 0;
      }
      before[2 * c + 1] = 50;
      after[2 * c + 1] = 50;
    }
    assertThat(Acceptance.refusal(scores(after), scores(before), 1L, 0.01)).isNull();
  }

  @Test
  void overAllNoMoreThanTheMargin() {
    assertThat(Acceptance.refusal(scores(880, 1000), scores(900, 1000), 1L, 0.01))
        .contains("88.0 %", "90.0 %");
    assertThat(Acceptance.refusal(scores(895, 1000), scores(900, 1000), 1L, 0.01)).isNull();
  }

  @Test
  void noFiniteAnswerIsNeverAccepted() {
    Scores now = new Scores(scores(900, 1000).classes(), 1);
    assertThat(Acceptance.refusal(now, null, null, 1)).contains("1 of 1000", "learning rate");
    assertThat(Acceptance.refusal(now, scores(0, 1000), 3L, 1)).contains("version 3 stays");
  }

  @Test
  void saysWhatIsNotMeasured() {
    String remarks =
        Acceptance.remarks(scores(9, 10, 0, 0, 1, 2), List.of("a", "b"), List.of("disc"));
    assertThat(remarks)
        .contains("Weakest: 'c', 1 of 2.")
        .contains("New: 'c', 1 of 2.")
        .contains("Not measured, without held-out pictures: 'b'.")
        .contains("Not learnt yet: 'disc'; a new class needs 5 examples");
  }
}
