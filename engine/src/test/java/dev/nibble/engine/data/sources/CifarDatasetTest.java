package dev.nibble.engine.data.sources;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataFixtures;
import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.PictureSize;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CifarDatasetTest {
  private static final DataOptions OPTIONS = DataOptions.defaults();

  @TempDir Path folder;

  @Test
  void readsCifar10InFileOrderWithColoursInterleaved() throws IOException {
    DataFixtures.cifar10(folder);
    try (DataSplits splits = DataSources.open(folder.toString(), OPTIONS)) {
      Dataset train = splits.train();
      assertThat(train.size()).isEqualTo(20);
      assertThat(splits.test().size()).isEqualTo(6);
      assertThat(List.of(train.height(), train.width(), train.channels())).containsOnly(32, 32, 3);
      assertThat(train.classNames()).isEqualTo(DataFixtures.names("class", 10));
      for (int i = 0; i < 20; i++) {
        byte[] file = DataFixtures.cifarRecords(4, 1, 1 + i / 4);
        assertThat(train.label(i)).isEqualTo(i % 4);
        assertThat(DataFixtures.read(train, i))
            .as("picture %d", i)
            .isEqualTo(interleaved(file, (i % 4) * 3073 + 1));
      }
    }
  }

  @Test
  void readsFineLabelsOfCifar100() throws IOException {
    DataFixtures.cifar100(folder);
    byte[] file = DataFixtures.cifarRecords(30, 2, 1);
    for (int i = 0; i < 30; i++) {
      file[i * 3074] = 19;
      file[i * 3074 + 1] = (byte) (99 - i);
    }
    Files.write(folder.resolve("train.bin"), file);
    try (DataSplits splits = DataSources.open(folder.toString(), OPTIONS)) {
      assertThat(splits.train().size()).isEqualTo(30);
      assertThat(splits.train().classNames()).hasSize(100);
      assertThat(splits.train().label(29)).isEqualTo(70);
      assertThat(DataFixtures.read(splits.train(), 29)).isEqualTo(interleaved(file, 29 * 3074 + 2));
    }
  }

  @Test
  void opensTheFolderAroundTheOfficialOne() throws IOException {
    DataFixtures.cifar10(folder.resolve("cifar-10-batches-bin"));
    try (DataSplits splits = DataSources.open(folder.toString(), OPTIONS)) {
      assertThat(splits.train().size()).isEqualTo(20);
    }
  }

  @Test
  void rejectsACutFile() throws IOException {
    DataFixtures.cifar10(folder);
    DataFixtures.cut(folder.resolve("data_batch_3.bin"), 3 * 3073 + 100);
    assertFails("data_batch_3.bin", "9319 bytes");
  }

  @Test
  void rejectsAnEmptyFile() throws IOException {
    DataFixtures.cifar10(folder);
    DataFixtures.cut(folder.resolve("test_batch.bin"), 0);
    assertFails("test_batch.bin", "is empty");
  }

  @Test
  void rejectsAMissingFile() throws IOException {
    DataFixtures.cifar10(folder);
    Files.delete(folder.resolve("data_batch_5.bin"));
    assertFails("data_batch_5.bin", "missing");
  }

  @Test
  void rejectsALabelOutOfRangeWithItsPlace() throws IOException {
    DataFixtures.cifar10(folder);
    DataFixtures.poke(folder.resolve("data_batch_2.bin"), 3 * 3073, 10);
    assertFails("data_batch_2.bin", "label 10 at byte 9219 (picture 3)");
  }

  @Test
  void rejectsAFineLabelOutOfRange() throws IOException {
    DataFixtures.cifar100(folder);
    DataFixtures.poke(folder.resolve("test.bin"), 3074 + 1, 200);
    assertFails("test.bin", "label 200 at byte 3075 (picture 1)");
  }

  @Test
  void rejectsMissingAndWrongClassNames() throws IOException {
    DataFixtures.cifar10(folder);
    Files.write(folder.resolve("batches.meta.txt"), DataFixtures.names("class", 9));
    assertFails("batches.meta.txt", "names 9 classes");
    Files.delete(folder.resolve("batches.meta.txt"));
    assertFails("batches.meta.txt", "class names");
  }

  /** Half of an official file is a whole number of records: only its size gives it away. */
  @Test
  void rejectsAnOfficialSetWithOneFileCutAtARecord() throws IOException {
    DataFixtures.cifar10(folder);
    for (int i = 1; i <= 5; i++) {
      Path file = folder.resolve("data_batch_" + i + ".bin");
      DataFixtures.cut(file, (i == 4 ? 5_000L : 10_000L) * 3073);
    }
    DataFixtures.cut(folder.resolve("test_batch.bin"), 10_000L * 3073);
    assertFails("data_batch_4.bin", "holds 5000 pictures where the official file holds 10000");
  }

  @Test
  void reportsAFileThatIsCutWhileOpen() throws IOException {
    DataFixtures.cifar10(folder);
    try (DataSplits splits = DataSources.open(folder.toString(), OPTIONS)) {
      DataFixtures.cut(folder.resolve("data_batch_1.bin"), 3073 + 7);
      assertThat(DataFixtures.read(splits.train(), 0)).hasSize(3072);
      assertThatThrownBy(() -> DataFixtures.read(splits.train(), 1))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("data_batch_1.bin")
          .hasMessageContaining("3080");
    }
  }

  @Test
  void rejectsIndexesOutsideTheDataSet() throws IOException {
    DataFixtures.cifar10(folder);
    try (DataSplits splits = DataSources.open(folder.toString(), OPTIONS)) {
      assertThatThrownBy(() -> DataFixtures.read(splits.train(), 20))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> DataFixtures.read(splits.train(), -1))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void rejectsResizing() throws IOException {
    DataFixtures.cifar10(folder);
    DataOptions options = OPTIONS.withImageSize(new PictureSize(16, 16));
    assertThatThrownBy(() -> DataSources.open(folder.toString(), options).close())
        .isInstanceOf(DataException.class)
        .hasMessageContaining("32x32 and cannot be resized to 16x16");
  }

  private void assertFails(String... parts) {
    assertThatThrownBy(() -> DataSources.open(folder.toString(), OPTIONS).close())
        .isInstanceOf(DataException.class)
        .satisfies(e -> assertThat(e.getMessage()).contains(Arrays.asList(parts)).endsWith("."));
  }

  private static byte[] interleaved(byte[] file, int start) {
    byte[] picture = new byte[3072];
    for (int i = 0; i < 1024; i++) {
      for (int c = 0; c < 3; c++) {
        picture[3 * i + c] = file[start + 1024 * c + i];
      }
    }
    return picture;
  }
}
