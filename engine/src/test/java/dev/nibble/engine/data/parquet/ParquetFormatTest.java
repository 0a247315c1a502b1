package dev.nibble.engine.data.parquet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.sources.DataSources;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Parquet files as Hugging Face publishes them, and what is wrong with some. */
@Timeout(120)
class ParquetFormatTest {
  private static final String NAMES =
      """
      {"info": {"features": {"img": {"_type": "Image"},
        "label": {"names": ["cat", "dog", "ship"], "_type": "ClassLabel"}}}}
      """;

  @TempDir private Path folder;

  /** A picture of 4 rows and 5 columns, and what it shows. */
  private record Picture(int seed) {
    byte[] pixels() {
      byte[] pixels = new byte[4 * 5 * 3];
      SplittableRandom random = new SplittableRandom(seed);
      random.nextBytes(pixels);
      return pixels;
    }

    byte[] png() {
      BufferedImage image = new BufferedImage(5, 4, BufferedImage.TYPE_INT_RGB);
      byte[] pixels = pixels();
      for (int i = 0; i < 20; i++) {
        int rgb =
            ((pixels[3 * i] & 0xFF) << 16)
                | ((pixels[3 * i + 1] & 0xFF) << 8)
                | (pixels[3 * i + 2] & 0xFF);
        image.setRGB(i % 5, i / 5, rgb);
      }
      ByteArrayOutputStream png = new ByteArrayOutputStream();
      try {
        assertThat(ImageIO.write(image, "png", png)).isTrue();
      } catch (IOException e) {
        throw new AssertionError(e);
      }
      return png.toByteArray();
    }
  }

  private static List<byte @Nullable []> pngs(int from, int to) {
    List<byte @Nullable []> pngs = new ArrayList<>();
    for (int seed = from; seed < to; seed++) {
      pngs.add(new Picture(seed).png());
    }
    return pngs;
  }

  private void write(String name, TinyParquet file) throws IOException {
    file.write(folder.resolve(name));
  }

  private static TinyParquet cifar10() {
    return new TinyParquet("img", "label", NAMES);
  }

  /** Six training pictures in two files and three groups, two test pictures. */
  private void writeSound() throws IOException {
    write(
        "train-00000-of-00002.parquet",
        cifar10().group(pngs(0, 2), List.of(0L, 1L)).group(pngs(2, 3), List.of(2L)));
    write("train-00001-of-00002.parquet", cifar10().group(pngs(3, 6), List.of(1L, 0L, 2L)));
    write("test-00000-of-00001.parquet", cifar10().group(pngs(6, 8), List.of(2L, 1L)));
  }

  private DataSplits open(DataOptions options) {
    return DataSources.open(folder.toString(), options);
  }

  private static byte[] read(Dataset dataset, int index) {
    byte[] picture = new byte[dataset.pictureBytes()];
    dataset.read(index, MemorySegment.ofArray(picture), 0);
    return picture;
  }

  private void assertRefused(String... parts) {
    assertThatThrownBy(() -> open(DataOptions.defaults()).close())
        .isInstanceOf(DataException.class)
        .hasMessageContainingAll(parts);
  }

  @Test
  void picturesLabelsAndNamesAreThoseOfTheFiles() throws IOException {
    writeSound();
    Files.writeString(folder.resolve("README.md"), "not a Parquet file");
    try (DataSplits splits = open(DataOptions.defaults())) {
      Dataset train = splits.train();
      assertThat(train.classNames()).containsExactly("cat", "dog", "ship");
      assertThat(List.of(train.height(), train.width(), train.channels())).containsExactly(4, 5, 3);
      assertThat(train.size()).isEqualTo(6);
      int[] labels = {0, 1, 2, 1, 0, 2};
      for (int i = 0; i < 6; i++) {
        assertThat(read(train, i)).as("picture %d", i).isEqualTo(new Picture(i).pixels());
        assertThat(train.label(i)).isEqualTo(labels[i]);
      }
      assertThat(splits.test().size()).isEqualTo(2);
      assertThat(read(splits.test(), 1)).isEqualTo(new Picture(7).pixels());
      assertThat(splits.test().label(0)).isEqualTo(2);
      assertThat(splits.name()).isEqualTo(folder.getFileName().toString());
    }
  }

  @Test
  void cifar100sColumnsAndAValidationSplitAreFoundAndClassesWithoutNamesAreNumbers()
      throws IOException {
    write(
        "train.parquet",
        new TinyParquet("image", "fine_label", null).group(pngs(0, 2), List.of(0L, 3L)));
    write(
        "validation-x.parquet",
        new TinyParquet("image", "fine_label", "{").group(pngs(2, 3), List.of(11L)));
    try (DataSplits splits = open(DataOptions.defaults().withImageSize(new PictureSize(2, 3)))) {
      assertThat(splits.train().classNames()).hasSize(12).startsWith("0", "1").endsWith("11");
      assertThat(splits.train().pictureBytes()).isEqualTo(18);
      assertThat(splits.test().label(0)).isEqualTo(11);
    }
  }

  @Test
  void aPictureThatCannotBeReadIsNamedOrSkipped() throws IOException {
    writeSound();
    List<byte @Nullable []> pictures = pngs(3, 6);
    pictures.set(1, new byte[] {1, 2, 3});
    write("train-00001-of-00002.parquet", cifar10().group(pictures, List.of(1L, 0L, 2L)));
    assertRefused("train-00001-of-00002.parquet, row 1", "it is no JPEG, PNG, GIF");
    try (DataSplits splits = open(DataOptions.defaults().withSkipUnreadable(true))) {
      assertThat(splits.train().size()).isEqualTo(5);
      assertThat(splits.train().skipped()).isOne();
      assertThat(read(splits.train(), 4)).isEqualTo(new Picture(5).pixels());
      assertThat(splits.train().label(4)).isEqualTo(2);
      assertThat(splits.test().skipped()).isZero();
    }
  }

  @Test
  void allPicturesThatCannotBeReadAreNamedAtOnce() throws IOException {
    writeSound();
    List<byte @Nullable []> pictures = pngs(3, 6);
    pictures.set(0, new byte[0]);
    pictures.set(2, new byte[] {1, 2, 3});
    write("train-00001-of-00002.parquet", cifar10().group(pictures, List.of(1L, 0L, 2L)));
    pictures = pngs(6, 8);
    pictures.set(1, "<svg/>".getBytes(StandardCharsets.US_ASCII));
    write("test-00000-of-00001.parquet", cifar10().group(pictures, List.of(2L, 1L)));
    assertRefused(
        "Cannot read 3 of 8 pictures",
        "train-00001-of-00002.parquet, row 0 (the file is empty)",
        "train-00001-of-00002.parquet, row 2",
        "test-00000-of-00001.parquet, row 1",
        "--skip-unreadable");
  }

  @Test
  void anotherColumnOfLabelsIsTakenIfNamed() throws IOException {
    write(
        "train.parquet", new TinyParquet("image", "kind", null).group(pngs(0, 2), List.of(0L, 1L)));
    write("test.parquet", new TinyParquet("image", "kind", null).group(pngs(2, 3), List.of(1L)));
    assertRefused("no column fine_label or label or labels", "kind (INT64)", "--label-column");
    try (DataSplits splits = open(DataOptions.defaults().withLabelColumn("kind"))) {
      assertThat(splits.train().label(1)).isOne();
    }
    assertThatThrownBy(() -> open(DataOptions.defaults().withLabelColumn("none")).close())
        .isInstanceOf(DataException.class)
        .hasMessageContaining("no column none");
    write(
        "train.parquet",
        new TinyParquet("image", "labels", null).group(pngs(0, 2), List.of(0L, 1L)));
    write("test.parquet", new TinyParquet("image", "labels", null).group(pngs(2, 3), List.of(1L)));
    try (DataSplits splits = open(DataOptions.defaults())) {
      assertThat(splits.train().label(1)).isOne();
    }
  }

  @Test
  void whatIsIncompleteIsRefused() throws IOException {
    writeSound();
    Files.delete(folder.resolve("train-00001-of-00002.parquet"));
    assertRefused("one of 2 files, but 1 are there");
    writeSound();
    Files.delete(folder.resolve("test-00000-of-00001.parquet"));
    assertRefused("none named test-*.parquet");
  }

  @Test
  void rowsWithoutPictureOrLabelAndLabelsWithoutClassAreRefused() throws IOException {
    writeSound();
    write("test-00000-of-00001.parquet", cifar10().group(pngs(6, 8), Arrays.asList(2L, null)));
    assertRefused("test-00000-of-00001.parquet", "no value in column label");
    List<byte @Nullable []> pictures = pngs(6, 8);
    pictures.set(0, null);
    write("test-00000-of-00001.parquet", cifar10().group(pictures, List.of(2L, 1L)));
    assertRefused("test-00000-of-00001.parquet", "no value in column img.bytes");
    for (long label : new long[] {-1, 3, 1L << 40}) {
      write("test-00000-of-00001.parquet", cifar10().group(pngs(6, 7), List.of(label)));
      assertRefused("label " + label, "0 to 2");
    }
    write(
        "test-00000-of-00001.parquet",
        new TinyParquet("photo", "label", NAMES).group(pngs(6, 7), List.of(0L)));
    assertRefused("no column img.bytes or image.bytes of type BYTE_ARRAY", "photo.bytes");
    write(
        "test-00000-of-00001.parquet",
        new TinyParquet("img", "kind", NAMES).group(pngs(6, 7), List.of(0L)));
    assertRefused("no column fine_label or label or labels of type INT64", "kind (INT64)");
  }

  @Test
  void aFileThatWasCutIsRefused() throws IOException {
    writeSound();
    Path test = folder.resolve("test-00000-of-00001.parquet");
    byte[] whole = Files.readAllBytes(test);
    for (int length = 0; length < whole.length; length += Math.max(1, whole.length / 15)) {
      Files.write(test, Arrays.copyOf(whole, length));
      assertRefused("test-00000-of-00001.parquet");
    }
  }

  /** Whatever a damaged file says, the process lives, and what is opened can be read. */
  @Test
  void aDamagedFileEndsInASentence() throws IOException {
    writeSound();
    Path test = folder.resolve("test-00000-of-00001.parquet");
    byte[] whole = Files.readAllBytes(test);
    int refused = 0;
    for (int seed = 0; seed < 60; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      byte[] damaged = whole.clone();
      for (int i = 0; i < 1 + seed % 3; i++) {
        // Half of them in the metadata at the end, which decides what is read.
        int from = random.nextBoolean() ? whole.length - 250 : 0;
        damaged[random.nextInt(from, whole.length)] ^= (byte) (1 << random.nextInt(8));
      }
      Files.write(test, damaged);
      try (DataSplits splits = open(DataOptions.defaults())) {
        for (int i = 0; i < splits.test().size(); i++) {
          assertThat(read(splits.test(), i)).as("seed %d", seed).hasSize(60);
        }
      } catch (DataException e) {
        refused++;
      } catch (Throwable e) {
        throw new AssertionError("seed " + seed, e);
      }
    }
    assertThat(refused).isBetween(15, 60);
  }

  /** In a class loader without the library, as in an application without it. */
  @Test
  void withoutTheLibraryOneSentenceSaysWhatToAdd() throws Exception {
    writeSound();
    List<URL> places = new ArrayList<>();
    for (Class<?> type : List.of(DataSources.class, MemoryAccount.class, FeatureMap.class)) {
      places.add(type.getProtectionDomain().getCodeSource().getLocation());
    }
    // Under the boot loader: the platform's finds the modules of the application.
    try (URLClassLoader loader = new URLClassLoader(places.toArray(URL[]::new), null)) {
      Class<?> sources = loader.loadClass(DataSources.class.getName());
      Class<?> options = loader.loadClass(DataOptions.class.getName());
      Object defaults = options.getMethod("defaults").invoke(null);
      Throwable refused = refusal(sources, options, defaults, folder);
      assertThat(refused.getClass().getName()).isEqualTo(DataException.class.getName());
      assertThat(refused)
          .hasMessageEndingWith("put dev.hardwood:hardwood-core on the class or module path.");
      Path empty = Files.createDirectory(folder.resolve("empty"));
      assertThat(refusal(sources, options, defaults, empty))
          .hasMessageContaining("or Parquet files named train-*.parquet");
    }
  }

  private static Throwable refusal(Class<?> sources, Class<?> options, Object defaults, Path place)
      throws Exception {
    try {
      sources.getMethod("open", String.class, options).invoke(null, place.toString(), defaults);
      throw new AssertionError("It was opened");
    } catch (InvocationTargetException e) {
      return e.getTargetException();
    }
  }

  @Test
  void noTemporaryFileStaysOpen() throws IOException {
    Path open = Path.of("/proc/self/fd");
    assumeTrue(Files.isDirectory(open), "this system does not list a process's open files");
    writeSound();
    long before = spooled(open);
    try (DataSplits splits = open(DataOptions.defaults())) {
      assertThat(splits.train().size()).isEqualTo(6);
      assertThat(spooled(open)).isEqualTo(before + 2);
    }
    List<byte @Nullable []> pictures = pngs(6, 8);
    pictures.set(1, new byte[4]);
    write("test-00000-of-00001.parquet", cifar10().group(pictures, List.of(2L, 1L)));
    assertRefused("row 1");
    assertThat(spooled(open)).isEqualTo(before);
  }

  private static long spooled(Path open) throws IOException {
    long count = 0;
    try (Stream<Path> links = Files.list(open)) {
      for (Path link : links.toList()) {
        // The one that lists the folder is closed by now.
        if (Files.isSymbolicLink(link)) {
          String name = String.valueOf(Files.readSymbolicLink(link).getFileName());
          count += name.matches("nibble-.*\\.data.*") ? 1 : 0;
        }
      }
    }
    return count;
  }
}
