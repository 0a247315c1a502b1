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

  /** All of them, of both splits, before anything is trained. */
  @Test
  void namesAllUnreadablePicturesAtOnce() throws IOException {
    DataFixtures.imageFolder(folder);
    Files.writeString(folder.resolve("train/dog/1.jpg"), "this is no picture");
    DataFixtures.cut(folder.resolve("train/cat/0.png"), 0);
    DataFixtures.cut(folder.resolve("test/dog/0.png"), 45);
    Files.createSymbolicLink(folder.resolve("test/cat/1.gif"), Path.of("nowhere.gif"));
    assertFails(
        OPTIONS,
        "Cannot read 4 of 9 pictures: ",
        Path.of("train", "dog", "1.jpg") + " (it is no JPEG, PNG, GIF, BMP, TIFF or WebP file)",
        Path.of("train", "cat", "0.png") + " (the file is empty)",
        Path.of("test", "dog", "0.png") + " (the file ends before the picture does)",
        Path.of("test", "cat", "1.gif") + " (it is a link to nowhere.gif, where nothing is)",
        "--skip-unreadable");
    try (DataSplits splits = open(OPTIONS.withSkipUnreadable(true))) {
      assertThat(splits.train().skipped()).isEqualTo(2);
      assertThat(splits.test().skipped()).isEqualTo(2);
    }
  }

  /** Behind a sound header, only decoding finds the damage. */
  @Test
  void namesAPictureThatTurnsOutDamaged() throws IOException {
    DataFixtures.imageFolder(folder);
    Path path = folder.resolve("train/cat/1.png");
    DataFixtures.poke(path, 41, 0xFF); // the first byte of the compressed pixels
    try (DataSplits splits = open(OPTIONS)) {
      assertThat(DataFixtures.read(splits.train(), 0)).isNotEmpty();
      assertThatThrownBy(() -> DataFixtures.read(splits.train(), 1))
          .isInstanceOf(DataException.class)
          .hasMessageContaining(Path.of("train", "cat", "1.png").toString())
          .hasMessageContaining("--skip-unreadable");
    }
  }

  @Test
  void readsFoldersWithinClassFoldersAndSaysWhatIsLeftOut() throws IOException {
    DataFixtures.imageFolder(folder);
    try (DataSplits splits = open(OPTIONS)) {
      assertThat(splits.notes()).isEmpty();
    }
    Files.createDirectories(folder.resolve("train/cat/a/b"));
    DataFixtures.picture(folder.resolve("train/cat/a/b/deep.png"), 8, 6, 0x0000FF);
    DataFixtures.picture(folder.resolve("train/stray.png"), 8, 6, 0x00FF00);
    Files.writeString(folder.resolve("train/cat/a/notes.txt"), "not a picture");
    Files.writeString(folder.resolve("train/cat/a/.hidden"), "does not count");
    try (DataSplits splits = open(OPTIONS)) {
      assertThat(splits.train().size()).isEqualTo(7);
      assertThat(DataFixtures.read(splits.train(), 3)).isEqualTo(solid(8 * 6, 0x0000FF));
      assertThat(splits.train().label(3)).isZero();
      assertThat(splits.notes()).hasSize(2);
      assertThat(splits.notes().getFirst())
          .startsWith("Left out 1 picture that lies in no class folder")
          .contains("stray.png");
      assertThat(splits.notes().getLast())
          .startsWith("Left out 1 file that is")
          .contains("notes.txt");
    }
  }

  @Test
  void partsClassFoldersThatHaveNoSplits() throws IOException {
    for (String name : new String[] {"ant", "bee"}) {
      Files.createDirectories(folder.resolve(name));
      for (int i = 0; i < 10; i++) {
        DataFixtures.picture(folder.resolve(name).resolve(i + ".png"), 4, 4, 0x10101 * (20 * i));
      }
    }
    Files.createDirectories(folder.resolve("cow"));
    DataFixtures.picture(folder.resolve("cow/only.png"), 4, 4, 0xFFFFFF);
    Files.createDirectories(folder.resolve("notes"));
    byte[] seen = new byte[20];
    try (DataSplits splits = open(OPTIONS)) {
      assertThat(splits.train().classNames()).containsExactly("ant", "bee", "cow");
      assertThat(splits.train().size()).isEqualTo(17);
      assertThat(splits.test().size()).isEqualTo(4);
      assertThat(splits.notes()).hasSize(2);
      assertThat(splits.notes().getFirst()).contains("no folders train and test", "17 and 4");
      assertThat(splits.notes().getLast()).isEqualTo("Left out folders without pictures: notes.");
      for (Dataset split : new Dataset[] {splits.train(), splits.test()}) {
        for (int i = 0; i < split.size(); i++) {
          if (split.label(i) < 2) {
            int picture = (DataFixtures.read(split, i)[0] & 0xFF) / 20;
            seen[10 * split.label(i) + picture]++;
          }
        }
      }
      assertThat(seen).as("each picture is in one split").containsOnly(1);
      byte[] first = DataFixtures.read(splits.test(), 0);
      try (DataSplits again = open(OPTIONS)) {
        assertThat(DataFixtures.read(again.test(), 0)).isEqualTo(first);
      }
    }
  }

  @Test
  void refusesAFolderOfNothingButOneClass() throws IOException {
    Files.createDirectories(folder.resolve("ant"));
    DataFixtures.picture(folder.resolve("ant/0.png"), 4, 4, 0);
    assertFails(OPTIONS, "holds no data set");
    Files.createDirectories(folder.resolve("bee"));
    DataFixtures.picture(folder.resolve("bee/0.png"), 4, 4, 0);
    assertFails(OPTIONS, "a single picture");
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
    assertFails(OPTIONS.withSkipUnreadable(true), "None of the 2 test pictures");
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

  @Test
  void aFolderOfValidationPicturesIsOneOfItsOwn() throws IOException {
    DataFixtures.imageFolder(folder);
    for (String name : new String[] {"val", "valid", "validation"}) {
      Path split = folder.resolve(name);
      for (String label : new String[] {"cat", "dog"}) {
        Files.createDirectories(split.resolve(label));
        DataFixtures.picture(split.resolve(label).resolve("v.png"), 6, 8, 0x102030);
      }
      try (DataSplits splits = open(OPTIONS)) {
        assertThat(splits.evaluated()).isSameAs(splits.validation()).isNotNull();
        assertThat(splits.evaluated().size()).isEqualTo(2);
        assertThat(splits.test().size()).isEqualTo(2);
        assertThat(splits.notes()).isEmpty();
      }
      Files.move(split.resolve("dog"), split.resolve("cow"));
      assertFails(OPTIONS, "differ", "only in " + name + " [cow]");
      Files.move(split.resolve("cow"), split.resolve("dog"));
      Files.move(folder.resolve("test"), folder.resolve("elsewhere"));
      try (DataSplits splits = open(OPTIONS)) {
        assertThat(splits.validation()).isNull();
        assertThat(splits.test().size()).isEqualTo(2);
        assertThat(splits.notes()).singleElement().asString().contains(name + " is tested on");
      }
      Files.move(folder.resolve("elsewhere"), folder.resolve("test"));
      Files.move(split, folder.resolve("done-" + name));
    }
  }
}
