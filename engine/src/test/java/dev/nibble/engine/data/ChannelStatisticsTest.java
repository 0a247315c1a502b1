package dev.nibble.engine.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.data.sources.DataSources;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChannelStatisticsTest {
  @Test
  void measuresEachChannelOverAllPictures(@TempDir Path folder) throws IOException {
    DataFixtures.cifar10(folder);
    try (DataSplits splits = DataSources.open(folder.toString(), DataOptions.defaults())) {
      Dataset train = splits.train();
      ChannelStatistics statistics = ChannelStatistics.of(train);
      for (int c = 0; c < 3; c++) {
        double sum = 0;
        for (int i = 0; i < train.size(); i++) {
          byte[] picture = DataFixtures.read(train, i);
          for (int p = c; p < picture.length; p += 3) {
            sum += (picture[p] & 0xFF) / 255.0;
          }
        }
        double mean = sum / (1024 * train.size());
        double squares = 0;
        for (int i = 0; i < train.size(); i++) {
          byte[] picture = DataFixtures.read(train, i);
          for (int p = c; p < picture.length; p += 3) {
            squares += Math.pow((picture[p] & 0xFF) / 255.0 - mean, 2);
          }
        }
        double std = Math.sqrt(squares / (1024 * train.size()));
        assertThat((double) statistics.mean()[c]).isCloseTo(mean, within(1e-6));
        assertThat((double) statistics.std()[c]).isCloseTo(std, within(1e-6));
      }
    }
  }

  @Test
  void aConstantChannelHasAStandardDeviationOfOneLevel() {
    ChannelStatistics statistics = ChannelStatistics.of(new FakeDataset(1, -1));
    assertThat(statistics.mean()).containsExactly(0, 0);
    assertThat(statistics.std()).containsExactly(1 / 255f, 1 / 255f);
  }
}
