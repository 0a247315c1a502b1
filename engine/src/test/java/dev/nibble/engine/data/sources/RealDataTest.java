package dev.nibble.engine.data.sources;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.nibble.engine.data.ChannelStatistics;
import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The real data sets, where this machine has them. */
class RealDataTest {
  @Test
  void cifar10() {
    try (DataSplits splits = openOrSkip("cifar10")) {
      assertThat(splits.train().size()).isEqualTo(50_000);
      assertThat(splits.train().classNames()).startsWith("airplane", "automobile");
      assertThat(counts(splits.train())).containsOnly(5_000);
      assertThat(counts(splits.test())).containsOnly(1_000);
      ChannelStatistics statistics = ChannelStatistics.of(splits.train());
      // The data set's well-known figures: mean 0.491, 0.482, 0.447; deviation 0.247, 0.243, 0.262.
      assertClose(statistics.mean(), 0.491, 0.482, 0.447);
      assertClose(statistics.std(), 0.247, 0.243, 0.262);
    }
  }

  @Test
  void fashionMnist() {
    try (DataSplits splits = openOrSkip("fashion-mnist")) {
      assertThat(splits.train().size()).isEqualTo(60_000);
      assertThat(splits.train().pictureBytes()).isEqualTo(28 * 28);
      assertThat(counts(splits.train())).containsOnly(6_000);
      assertThat(counts(splits.test())).containsOnly(1_000);
      ChannelStatistics statistics = ChannelStatistics.of(splits.train());
      assertClose(statistics.mean(), 0.286);
      assertClose(statistics.std(), 0.353);
    }
  }

  private static DataSplits openOrSkip(String name) {
    try {
      return DataSources.open(name, DataOptions.defaults());
    } catch (DataException e) {
      if (e.getMessage() != null && e.getMessage().contains("nibble data fetch")) {
        return abort("skipped: " + e.getMessage());
      }
      throw e;
    }
  }

  private static int[] counts(Dataset dataset) {
    int[] counts = new int[10];
    for (int i = 0; i < dataset.size(); i++) {
      counts[dataset.label(i)]++;
    }
    return counts;
  }

  private static void assertClose(float[] actual, double... expected) {
    for (int c = 0; c < expected.length; c++) {
      assertThat((double) actual[c])
          .as("channel %d of %s", c, Arrays.toString(actual))
          .isBetween(expected[c] - 0.01, expected[c] + 0.01);
    }
  }
}
