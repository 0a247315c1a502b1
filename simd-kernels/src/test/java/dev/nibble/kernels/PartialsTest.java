package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Operator.Convolution;
import org.junit.jupiter.api.Test;

/** Shards write their sums at the same time, so no two may share a line of the cache. */
class PartialsTest {
  private static final int LINE = 64;

  @Test
  void everyShardsRegionIsWholeLines() {
    for (int channels = 1; channels <= 130; channels++) {
      assertThat(Partials.statisticsBytes(channels) % LINE).as("%d channels", channels).isZero();
      assertThat(Partials.statisticsBytes(channels))
          .isGreaterThanOrEqualTo(Partials.statisticsSquares(channels) + 8L * channels);
      for (boolean bias : new boolean[] {false, true}) {
        Convolution op = new Convolution(new FeatureMap(3, 3, channels), 7, 3, 1, bias);
        Stage stage = new Stage(op, Activation.IDENTITY, null, false);
        assertThat(Partials.gradientBytes(stage) % LINE).as("%s", op).isZero();
        assertThat(Partials.gradientBytes(stage))
            .isGreaterThanOrEqualTo(Partials.gradientHats(stage) + 8L * channels);
      }
    }
  }
}
