package dev.nibble.engine.data.sources;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataFixtures;
import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IdxDatasetTest {
  private static final String TRAIN_PICTURES = "train-images-idx3-ubyte";
  private static final String TRAIN_LABELS = "train-labels-idx1-ubyte";

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void readsPlainAndGzipped(boolean gzipped) throws IOException {
    DataFixtures.idxFolder(folder, gzipped);
    byte[] file = DataFixtures.idxPictures(12, 7, 9, 1);
    try (DataSplits splits = open()) {
      Dataset train = splits.train();
      assertThat(train.size()).isEqualTo(12);
      assertThat(splits.test().size()).isEqualTo(5);
      assertThat(train.height()).isEqualTo(7);
      assertThat(train.width()).isEqualTo(9);
      assertThat(train.channels()).isEqualTo(1);
      assertThat(train.classNames()).hasSize(10).startsWith("0", "1");
      for (int i = 0; i < 12; i++) {
        assertThat(train.label(i)).isEqualTo(i % 10);
        assertThat(DataFixtures.read(train, i))
            .isEqualTo(Arrays.copyOfRange(file, 16 + 63 * i, 16 + 63 * (i + 1)));
      }
    }
  }

  @Test
  void readsNamesWithDots() throws IOException {
    DataFixtures.idxFolder(folder, false);
    for (String split : new String[] {"train", "t10k"}) {
      move(split + "-images-idx3-ubyte", split + "-images.idx3-ubyte");
      move(split + "-labels-idx1-ubyte", split + "-labels.idx1-ubyte");
    }
    try (DataSplits splits = open()) {
      assertThat(splits.train().size()).isEqualTo(12);
    }
  }

  @Test
  void takesClassNamesFromAFileBesideIt() throws IOException {
    DataFixtures.idxFolder(folder, false);
    Files.write(folder.resolve("classes.txt"), DataFixtures.names("letter", 26));
    DataFixtures.poke(folder.resolve(TRAIN_LABELS), 8, 25);
    try (DataSplits splits = open()) {
      assertThat(splits.train().classNames()).isEqualTo(DataFixtures.names("letter", 26));
      assertThat(splits.train().label(0)).isEqualTo(25);
    }
  }

  @Test
  void rejectsALabelOutOfRange() throws IOException {
    DataFixtures.idxFolder(folder, false);
    DataFixtures.poke(folder.resolve(TRAIN_LABELS), 8 + 3, 10);
    assertFails(TRAIN_LABELS, "label 10 for picture 3", "classes.txt");
  }

  @Test
  void rejectsCutAndOverlongFiles() throws IOException {
    DataFixtures.idxFolder(folder, false);
    DataFixtures.cut(folder.resolve(TRAIN_PICTURES), 16 + 12 * 63 - 1);
    assertFails(TRAIN_PICTURES, "771 bytes", "promises 772");
    DataFixtures.cut(folder.resolve(TRAIN_PICTURES), 16 + 12 * 63 + 1);
    assertFails(TRAIN_PICTURES, "773 bytes", "promises 772");
    DataFixtures.cut(folder.resolve(TRAIN_PICTURES), 7);
    assertFails(TRAIN_PICTURES, "cut short");
    DataFixtures.cut(folder.resolve(TRAIN_PICTURES), 0);
    assertFails(TRAIN_PICTURES, "is empty");
  }

  @Test
  void rejectsAWrongMagicNumber() throws IOException {
    DataFixtures.idxFolder(folder, false);
    DataFixtures.poke(folder.resolve(TRAIN_PICTURES), 2, 0x0D);
    assertFails(TRAIN_PICTURES, "0x00000D03 instead of 0x00000803");
  }

  @Test
  void rejectsAbsurdDimensions() throws IOException {
    DataFixtures.idxFolder(folder, false);
    Files.write(folder.resolve(TRAIN_PICTURES), DataFixtures.idx(0x803, new byte[0], 12, -1, 9));
    assertFails(TRAIN_PICTURES, "[12, -1]", "dimension 1");
    Files.write(folder.resolve(TRAIN_PICTURES), DataFixtures.idx(0x803, new byte[0], 0, 7, 9));
    assertFails(TRAIN_PICTURES, "dimension 0");
  }

  @Test
  void rejectsDifferentCounts() throws IOException {
    DataFixtures.idxFolder(folder, false);
    Files.write(folder.resolve(TRAIN_LABELS), DataFixtures.idxLabels(11));
    assertFails(TRAIN_PICTURES, "12 pictures", "11 labels");
  }

  @Test
  void rejectsAMissingFile() throws IOException {
    DataFixtures.idxFolder(folder, true);
    Files.delete(folder.resolve("t10k-labels-idx1-ubyte.gz"));
    assertFails("t10k-labels-idx1-ubyte", "both splits");
  }

  @Test
  void rejectsSplitsOfDifferentSize() throws IOException {
    DataFixtures.idxFolder(folder, false);
    Files.write(folder.resolve("t10k-images-idx3-ubyte"), DataFixtures.idxPictures(5, 8, 9, 1));
    assertFails("7x9x1", "8x9x1");
  }

  @Test
  void rejectsCorruptGzip() throws IOException {
    DataFixtures.idxFolder(folder, true);
    Path file = folder.resolve(TRAIN_PICTURES + ".gz");
    byte[] sound = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(sound, sound.length / 2));
    assertFails(TRAIN_PICTURES, "cut short");
    byte[] flipped = sound.clone();
    flipped[sound.length - 6] ^= 1;
    Files.write(file, flipped);
    assertFails(TRAIN_PICTURES, "not a sound gzip file");
    byte[] noise = sound.clone();
    Arrays.fill(noise, 10, noise.length, (byte) 0xFF);
    Files.write(file, noise);
    assertFails(TRAIN_PICTURES, "not a sound gzip file");
  }

  @Test
  void rejectsGzipThatUnpacksToAnotherLength() throws IOException {
    DataFixtures.idxFolder(folder, true);
    Path file = folder.resolve(TRAIN_PICTURES + ".gz");
    byte[] plain = DataFixtures.idxPictures(12, 7, 9, 1);
    Files.write(file, DataFixtures.gzip(Arrays.copyOf(plain, plain.length - 1)));
    assertFails(TRAIN_PICTURES, "unpacks to 755 values", "promises 756");
    Files.write(file, DataFixtures.gzip(Arrays.copyOf(plain, plain.length + 1)));
    assertFails(TRAIN_PICTURES, "unpacks to more values");
    byte[] huge = DataFixtures.idx(0x803, new byte[0], 90_000_000, 16_000, 16_000);
    Files.write(file, DataFixtures.gzip(huge));
    assertFails(TRAIN_PICTURES, "packed bytes");
  }

  private DataSplits open() {
    return DataSources.open(folder.toString(), DataOptions.defaults());
  }

  private void move(String from, String to) throws IOException {
    Files.move(folder.resolve(from), folder.resolve(to));
  }

  private void assertFails(String... parts) {
    assertThatThrownBy(() -> open().close())
        .isInstanceOf(DataException.class)
        .satisfies(e -> assertThat(e.getMessage()).contains(Arrays.asList(parts)).endsWith("."));
  }
}
