package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.bench.CountedExchanges.Sent;
import dev.nibble.bench.ExchangeModel.Machine;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the page on distributed training predicts follows its own rule. */
class ExchangeModelTest {
  private static List<Sent> sent(int workers, double whole, double sliced) {
    return List.of(
        new Sent("the sums of a", false, 100.0 * (workers - 1)),
        new Sent("the gradient of a", true, (workers - 1) * (whole + sliced / workers)));
  }

  @Test
  void moreWorkersThanAreCountedFollowTheSameRule() {
    List<Sent> got =
        ExchangeModel.extrapolated(sent(16, 7e3, 2e6), 16, sent(32, 7e3, 2e6), 32, 256);
    List<Sent> wanted = sent(256, 7e3, 2e6);
    for (int i = 0; i < wanted.size(); i++) {
      assertThat(got.get(i).bytes()).isCloseTo(wanted.get(i).bytes(), within(1e-3));
      assertThat(got.get(i).bulk()).isEqualTo(wanted.get(i).bulk());
    }
  }

  /** Two stages, of 50 ms each on the way back; what is waited for takes 1 ms, bulk 60 or 6. */
  @Test
  void bulkCostsNothingUntilItHoldsUpWhatIsWaitedFor() {
    List<Sent> sent =
        List.of(
            new Sent("the statistics of a", false, 1000),
            new Sent("the sums of a", false, 1000),
            new Sent("the gradient of a", true, 60_000),
            new Sent("the statistics of b", false, 1000),
            new Sent("the sums of b", false, 1000),
            new Sent("the gradient of b", true, 60_000));
    Machine fast = new Machine(0.3, 0.01, 0, 0, 1e7);
    // The last stage's bulk is all that is left at the end.
    assertThat(ExchangeModel.seconds(sent, fast, 2, 0.5))
        .isCloseTo(0.01 + 0.15 + 4e-4 + 0.006, within(1e-9));
    Machine slow = new Machine(0.3, 0.01, 0, 0, 1e6);
    // The first one's holds up the second's sums by 10 ms.
    assertThat(ExchangeModel.seconds(sent, slow, 2, 0.5))
        .isCloseTo(0.01 + 0.15 + 4e-3 + 0.010 + 0.060, within(1e-9));
  }
}
