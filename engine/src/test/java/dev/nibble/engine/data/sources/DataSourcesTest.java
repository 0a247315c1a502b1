package dev.nibble.engine.data.sources;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataFixtures;
import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.DataSplits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataSourcesTest {
  private static final DataOptions OPTIONS = DataOptions.defaults();

  @TempDir Path home;

  @Test
  void opensFetchedDataSetsByName() throws IOException {
    DataFixtures.cifar10(home.resolve("cifar10/cifar-10-batches-bin"));
    DataFixtures.cifar100(home.resolve("cifar100/cifar-100-binary"));
    DataFixtures.idxFolder(home.resolve("fashion-mnist"), true);
    for (String name : new String[] {"cifar10", "cifar100", "fashion-mnist", "shapes"}) {
      try (DataSplits splits = DataSources.open(name, OPTIONS, home)) {
        assertThat(splits.name()).isEqualTo(name);
        assertThat(DataFixtures.read(splits.test(), 0)).isNotEmpty();
      }
    }
    try (DataSplits splits = DataSources.open("fashion-mnist", OPTIONS, home)) {
      assertThat(splits.train().classNames()).contains("sneaker");
      assertThat(splits.train().size()).isEqualTo(12);
    }
  }

  @Test
  void saysHowToGetADataSetThatIsMissing() {
    assertFails("cifar10", "nibble data fetch cifar10", home.toString());
    assertFails("cifar100", "nibble data fetch cifar100");
  }

  @Test
  void saysWhatAFolderMayHold() throws IOException {
    assertFails(home.toString(), "holds no data set", "IDX", "train/<class>");
    assertFails(home.resolve("nowhere").toString(), "no data set or folder", "fashion-mnist");
    Path file = home.resolve("file.bin");
    Files.write(file, new byte[4]);
    assertFails(file.toString(), "no data set or folder");
    assertFails("bad\0name", "not a folder's name");
  }

  @Test
  void theSystemPropertyNamesTheHome() {
    String before = System.getProperty(DataSources.HOME_PROPERTY);
    System.setProperty(DataSources.HOME_PROPERTY, home.toString());
    try {
      assertThat(DataSources.dataHome()).isEqualTo(home);
    } finally {
      if (before == null) {
        System.clearProperty(DataSources.HOME_PROPERTY);
      } else {
        System.setProperty(DataSources.HOME_PROPERTY, before);
      }
    }
  }

  private void assertFails(String name, String... parts) {
    assertThatThrownBy(() -> DataSources.open(name, OPTIONS, home).close())
        .isInstanceOf(DataException.class)
        .satisfies(e -> assertThat(e.getMessage()).contains(Arrays.asList(parts)).endsWith("."));
  }
}
