package dev.nibble.engine.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFolderTest {
  private static final DataOptions OPTIONS = DataOptions.defaults();

  @TempDir Path folder;

  @Test
  void readsClassesAndPicturesInTheOrderOfTheirNames() throws IOException {
    DataFixtures.imageFolder(folder);
    Files.writeString(folder.resolve("train/cat/notes.txt"), "not a picture");
    Files.writeString(folder.resolve("train/cat/.hidden.png"), "not a picture either");
    try (DataSplits splits = open(OPTIONS)) {
      Dataset train = splits.train();
      assertThat(train.classNames()).containsExactly("cat", "dog");
      assertThat(train.size()).isEqualTo(6);
      assertThat(splits.test().size()).isEqualTo(2);
      assertThat(train.height()).isEqualTo(8);
      assertThat(train.width()).isEqualTo(6);
      assertThat(train.channels()).isEqualTo(3);
      for (int i = 0; i < 6; i++) {
        assertThat(train.label(i)).isEqualTo(i / 3);
      }
      // PNG keeps colours exactly; the second read comes from the cache.
      byte[] expected = solid(8 * 6, 0xC01022);
      assertThat(DataFixtures.read(train, 2)).isEqualTo(expected);
      assertThat(DataFixtures.read(train, 2)).isEqualTo(expected);
      byte[] jpeg = DataFixtures.read(train, 3);
      assertThat(jpeg[2] & 0xFF).isBetween(0xC0 - 4, 0xC0 + 4);
      assertThat(DataFixtures.read(train, 3)).isEqualTo(jpeg);
    }
  }

  @Test
  void readsFromTheCacheOnceDecoded() throws IOException {
    DataFixtures.imageFolder(folder);
    try (DataSplits splits = open(OPTIONS)) {
      byte[] before = DataFixtures.read(splits.train(), 0);
      Files.delete(folder.resolve("train/cat/0.png"));
      assertThat(DataFixtures.read(splits.train(), 0)).isEqualTo(before);
      Files.delete(folder.resolve("train/cat/1.png"));
      assertThatThrownBy(() -> DataFixtures.read(splits.train(), 1))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("1.png");
    }
  }

  @Test
  void resizesToTheFirstPictureOrTheSizeAskedFor() throws IOException {
    DataFixtures.imageFolder(folder);
    DataFixtures.picture(folder.resolve("train/dog/9.png"), 31, 50, 0x405060);
    try (DataSplits splits = open(OPTIONS)) {
      assertThat(DataFixtures.read(splits.train(), 6)).isEqualTo(solid(8 * 6, 0x405060));
    }
    try (DataSplits splits = open(OPTIONS.withImageSize(new PictureSize(5, 12)))) {
      assertThat(splits.test().height()).isEqualTo(5);
      assertThat(splits.test().width()).isEqualTo(12);
      assertThat(DataFixtures.read(splits.train(), 6)).isEqualTo(solid(5 * 12, 0x405060));
      assertThat(DataFixtures.read(splits.train(), 0)).isEqualTo(solid(5 * 12, 0xC01020));
    }
  }

  @Test
  void namesAnUnreadablePicture() throws IOException {
    DataFixtures.imageFolder(folder);
    Files.writeString(folder.resolve("train/dog/1.jpg"), "this is no picture");
    try (DataSplits splits = open(OPTIONS)) {
      assertThat(DataFixtures.read(splits.train(), 3)).isNotEmpty();
      assertThatThrownBy(() -> DataFixtures.read(splits.train(), 4))
          .isInstanceOf(DataException.class)
          .hasMessageContaining(Path.of("train", "dog", "1.jpg").toString())
          .hasMessageContaining("neither a JPEG nor a PNG");
    }
  }

  @Test
  void skipsUnreadablePicturesWithACountIfAsked() throws IOException {
    DataFixtures.imageFolder(folder);
    Files.writeString(folder.resolve("train/cat/0.png"), "this is no picture");
    DataFixtures.cut(folder.resolve("train/dog/1.jpg"), 300);
    try (DataSplits splits = open(OPTIONS.withSkipUnreadable(true))) {
      Dataset train = splits.train();
      assertThat(train.skipped()).isEqualTo(2);
      assertThat(splits.test().skipped()).isZero();
      assertThat(train.size()).isEqualTo(4);
      assertThat(train.height()).isEqualTo(8);
      assertThat(train.label(1)).isZero();
      assertThat(train.label(2)).isEqualTo(1);
      assertThat(DataFixtures.read(train, 0)).isEqualTo(solid(8 * 6, 0xC01021));
      assertThat(DataFixtures.read(train, 3)).isNotEmpty();
    }
  }

  @Test
  void rejectsASplitWithNoReadablePicture() throws IOException {
    DataFixtures.imageFolder(folder);
    Files.writeString(folder.resolve("test/cat/0.jpeg"), "x");
    Files.writeString(folder.resolve("test/dog/0.png"), "x");
    assertFails(OPTIONS.withSkipUnreadable(true), "None of the 2 pictures", "test");
  }

  @Test
  void rejectsAnUnreadableFirstPictureThatWouldGiveTheSize() throws IOException {
    DataFixtures.imageFolder(folder);
    DataFixtures.cut(folder.resolve("train/cat/0.png"), 0);
    assertFails(OPTIONS, "0.png", "is empty");
  }

  @Test
  void rejectsDifferentClasses() throws IOException {
    DataFixtures.imageFolder(folder);
    DataFixtures.picture(folder.resolve("test/bird/0.png"), 8, 6, 0);
    assertFails(OPTIONS, "only in train []", "only in test [bird]");
  }

  @Test
  void rejectsAnEmptyClassAndAMissingSplit() throws IOException {
    DataFixtures.imageFolder(folder);
    Files.createDirectories(folder.resolve("train/ant"));
    Files.createDirectories(folder.resolve("test/ant"));
    assertFails(OPTIONS, "ant", "has no .jpg");
    Files.move(folder.resolve("test"), folder.resolve("tests"));
    assertFails(OPTIONS, "no folder test", "train/<class>");
  }

  private DataSplits open(DataOptions options) {
    return DataSources.open(folder.toString(), options);
  }

  private void assertFails(DataOptions options, String... parts) {
    assertThatThrownBy(() -> open(options).close())
        .isInstanceOf(DataException.class)
        .satisfies(e -> assertThat(e.getMessage()).contains(Arrays.asList(parts)).endsWith("."));
  }

  private static byte[] solid(int pixels, int rgb) {
    byte[] bytes = new byte[3 * pixels];
    for (int i = 0; i < pixels; i++) {
      bytes[3 * i] = (byte) (rgb >> 16);
      bytes[3 * i + 1] = (byte) (rgb >> 8);
      bytes[3 * i + 2] = (byte) rgb;
    }
    return bytes;
  }
}
