package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.bench.ExchangeModel.Machine;
import dev.nibble.bench.ExchangeModel.Volume;
import org.junit.jupiter.api.Test;

/** What the page on distributed training predicts follows its own rule. */
class ExchangeModelTest {
  private static Volume volume(int workers, double whole, double sliced) {
    double bulk = (workers - 1) * (whole + sliced / workers);
    return new Volume(40, 100.0 * (workers - 1), 30, bulk);
  }

  @Test
  void moreWorkersThanAreCountedFollowTheSameRule() {
    Volume got =
        ExchangeModel.extrapolated(volume(16, 7e3, 2e6), 16, volume(32, 7e3, 2e6), 32, 256);
    Volume wanted = volume(256, 7e3, 2e6);
    assertThat(got.awaitedBytes()).isCloseTo(wanted.awaitedBytes(), within(1e-6));
    assertThat(got.bulkBytes()).isCloseTo(wanted.bulkBytes(), within(1e-3));
    assertThat(got.bulk()).isEqualTo(wanted.bulk());
  }

  @Test
  void bulkCostsNothingUntilItIsLongerThanTheWayBack() {
    Volume volume = new Volume(10, 1000, 5, 600_000);
    Machine fast = new Machine(0.3, 0.01, 1e-4, 0, 1e7);
    // 10 exchanges, 0.1 ms of bytes; 60 ms of bulk within 100 ms of the way back.
    assertThat(ExchangeModel.seconds(volume, fast, 2, 0.5))
        .isCloseTo(0.01 + 0.15 + 0.001 + 1e-4, within(1e-9));
    Machine slow = new Machine(0.3, 0.01, 1e-4, 0, 1e6);
    assertThat(ExchangeModel.seconds(volume, slow, 2, 0.5))
        .isCloseTo(0.01 + 0.15 + 0.001 + 1e-3 + 0.5, within(1e-9));
  }
}
