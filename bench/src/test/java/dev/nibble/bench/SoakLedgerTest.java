package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** The soak would see it if a service lost something. */
class SoakLedgerTest {
  private final SoakLedger ledger = new SoakLedger();

  private SoakLedger.Counts after(Map<Long, String> listed) {
    ledger.compare(listed);
    return ledger.counts();
  }

  @Test
  void findsNothingWhereAllIsThere() {
    ledger.added(0, 7, "left");
    ledger.added(1, 8, "left");
    ledger.changed(1, "right");
    ledger.added(2, 9, "left");
    ledger.changed(2, SoakLedger.DELETED);
    assertThat(after(Map.of(0L, "left", 1L, "right")).isGood()).isTrue();
    assertThat(ledger.size()).isEqualTo(2);
    assertThat(ledger.seed(1)).isEqualTo(8);
  }

  @Test
  void findsWhatIsLostWrongOrBack() {
    ledger.added(0, 7, "left");
    ledger.added(1, 8, "left");
    ledger.added(2, 9, "left");
    ledger.changed(2, SoakLedger.DELETED);
    SoakLedger.Counts counts = after(Map.of(1L, "right", 2L, "left", 3L, "left"));
    assertThat(List.of(counts.lost, counts.wrong, counts.returned, counts.strange))
        .containsExactly(1L, 1L, 1L, 1L);
    assertThat(counts.isGood()).isFalse();
  }

  @Test
  void takesEitherWhereNothingWasAnswered() {
    for (String found : new String[] {"left", "right"}) {
      SoakLedger one = new SoakLedger();
      one.added(0, 7, "left");
      assertThat(one.take(new SplittableRandom(1))).isEqualTo(0);
      assertThat(one.take(new SplittableRandom(1))).isNull();
      one.changedPerhaps(0, "right");
      one.addedPerhaps();
      one.compare(Map.of(0L, found, 1L, "left"));
      assertThat(one.counts().isGood()).isTrue();
      one.compare(Map.of(0L, found.equals("left") ? "right" : "left", 1L, "left"));
      assertThat(one.counts().wrong).as("once it is known, it is known").isEqualTo(1);
    }
  }

  @Test
  void knowsItsPicturesAgain() throws IOException {
    assertThat(SoakPictures.isOf(5, SoakPictures.png(5))).isTrue();
    assertThat(SoakPictures.isOf(5, SoakPictures.png(7))).isFalse();
    assertThat(SoakPictures.isOf(5, new byte[10])).isFalse();
  }

  @Test
  void comparesThirds() {
    List<Long> samples = List.of(1L, 1L, 1L, 5L, 6L, 7L, 8L, 9L, 30L);
    ProcessFigures.Trend trend = ProcessFigures.trend(samples);
    assertThat(trend.second()).isEqualTo(6);
    assertThat(trend.last()).isEqualTo(9);
    assertThat(ProcessFigures.trend(List.of()).last()).isZero();
  }
}
