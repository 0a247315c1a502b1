package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Operator.Convolution;
import org.junit.jupiter.api.Test;

/** Leaves write their sums at the same time, so no two may share a line of the cache. */
class PartialsTest {
  private static final int LINE = 64;

  @Test
  void everyLeafsRegionIsWholeLines() {
    for (int channels = 1; channels <= 130; channels++) {
      assertThat(Partials.statisticsBytes(channels) % LINE).as("%d channels", channels).isZero();
      assertThat(Partials.statisticsBytes(channels))
          .isGreaterThanOrEqualTo(Partials.statisticsShifts(channels) + 4L * channels);
      for (boolean bias : new boolean[] {false, true}) {
        Convolution op = new Convolution(new FeatureMap(3, 3, channels), 7, 3, 1, bias);
        Stage stage = new Stage(op, Activation.IDENTITY, null, false);
        assertThat(Partials.weightBytes(stage) % LINE).as("%s", op).isZero();
        assertThat(Partials.weightBytes(stage))
            .isGreaterThanOrEqualTo(4L * Partials.weightValues(stage));
        assertThat(Partials.sumBytes(stage) % LINE).as("%s", op).isZero();
        assertThat(Partials.sumBytes(stage))
            .isGreaterThanOrEqualTo(Partials.hats(stage) + 8L * channels);
      }
    }
  }
}
