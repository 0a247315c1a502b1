package dev.nibble.engine.data;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.data.loading.Augmentation;
import dev.nibble.engine.data.loading.BatchSlot;
import dev.nibble.engine.data.loading.PrefetchingDataLoader;
import dev.nibble.engine.data.random.EpochOrder;
import dev.nibble.engine.data.random.SplitMix64;
import dev.nibble.engine.data.sources.DataSources;
import dev.nibble.engine.data.views.Datasets;
import dev.nibble.kernels.FeatureMap;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Random parts of pictures: where they lie, and what they show. */
class RandomPartTest {
  @ParameterizedTest
  @CsvSource({"480, 640", "224, 224", "7, 5", "1, 1", "1, 300", "3000, 40"})
  void partsLieInsideAndHaveTheirBounds(int height, int width) {
    double least = 1;
    double most = 0;
    boolean fits = Math.max(height, width) <= 4 * Math.min(height, width) / 3.0;
    for (int key = 0; key < 2000; key++) {
      CropBox box = CropBox.random(SplitMix64.key(7, key), height, width);
      assertThat(box).isEqualTo(CropBox.random(SplitMix64.key(7, key), height, width));
      assertThat(box.top()).isBetween(0, height - box.height());
      assertThat(box.left()).isBetween(0, width - box.width());
      assertThat(Math.min(box.height(), box.width())).isPositive();
      double area = (double) box.height() * box.width() / ((double) height * width);
      least = Math.min(least, area);
      most = Math.max(most, area);
      if (Math.min(box.height(), box.width()) > 40) {
        // Sides are rounded to whole pixels.
        assertThat((double) box.width() / box.height()).isBetween(0.75 - 0.02, 4 / 3.0 + 0.03);
      }
    }
    if (Math.min(height, width) > 200) {
      assertThat(least).isBetween(0.075, 0.1);
      assertThat(most).isBetween(fits ? 0.9 : 0.7, 1.0);
    }
  }

  /** A ramp stays a ramp: what is shown are the part's own pixels, in their places. */
  @Test
  void aPartOfARampIsARamp() {
    int width = 50;
    int height = 40;
    byte[] ramp = new byte[height * width * 3];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        ramp[(y * width + x) * 3] = (byte) (5 * x);
        ramp[(y * width + x) * 3 + 1] = (byte) (6 * y);
        ramp[(y * width + x) * 3 + 2] = 77;
      }
    }
    CropBox box = new CropBox(8, 10, 20, 30);
    for (PictureSize size : List.of(new PictureSize(10, 10), new PictureSize(60, 45))) {
      byte[] part = CropResizer.resize(ramp, width, 3, box, size);
      for (int y = 2; y < size.height() - 2; y++) {
        for (int x = 2; x < size.width() - 2; x++) {
          double column = 10 + (x + 0.5) * 30 / size.width() - 0.5;
          double row = 8 + (y + 0.5) * 20 / size.height() - 0.5;
          int at = (y * size.width() + x) * 3;
          assertThat(part[at] & 0xFF).isBetween((int) (5 * column) - 1, (int) (5 * column) + 2);
          assertThat(part[at + 1] & 0xFF).isBetween((int) (6 * row) - 1, (int) (6 * row) + 2);
          assertThat(part[at + 2]).isEqualTo((byte) 77);
        }
      }
    }
  }

  @Test
  void pixelsOutsideThePartNeverShow() {
    byte[] picture = new byte[30 * 30];
    Arrays.fill(picture, (byte) 200);
    CropBox box = new CropBox(10, 5, 9, 12);
    for (int y = 0; y < box.height(); y++) {
      for (int x = 0; x < box.width(); x++) {
        picture[(box.top() + y) * 30 + box.left() + x] = 40;
      }
    }
    for (int size : new int[] {3, 9, 50}) {
      byte[] part = CropResizer.resize(picture, 30, 1, box, new PictureSize(size, size));
      assertThat(part).containsOnly((byte) 40);
    }
  }

  @Test
  void theWholeInItsOwnSizeIsThePicture() {
    byte[] picture = new byte[6 * 9 * 3];
    for (int i = 0; i < picture.length; i++) {
      picture[i] = (byte) (i * 37);
    }
    CropBox whole = new CropBox(0, 0, 6, 9);
    assertThat(CropResizer.resize(picture, 9, 3, whole, new PictureSize(6, 9))).isEqualTo(picture);
  }

  /** The part is one of the picture in its own size, not of the small one that is read whole. */
  @Test
  void anImageFolderTakesPartsOfItsFiles(@TempDir Path folder) throws IOException {
    int height = 60;
    int width = 80;
    byte[] rgb = new byte[height * width * 3];
    new Random(5).nextBytes(rgb);
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < height * width; i++) {
      int red = rgb[3 * i] & 0xFF;
      int green = rgb[3 * i + 1] & 0xFF;
      int blue = rgb[3 * i + 2] & 0xFF;
      int pixel = 65536 * red + 256 * green + blue;
      image.setRGB(i % width, i / width, pixel);
    }
    for (String split : List.of("train", "test")) {
      for (String name : List.of("a", "b")) {
        Path file = Files.createDirectories(folder.resolve(split).resolve(name)).resolve("1.png");
        assertThat(ImageIO.write(image, "png", file.toFile())).isTrue();
      }
    }
    PictureSize size = new PictureSize(12, 10);
    DataOptions options = DataOptions.defaults().withImageSize(size);
    try (DataSplits splits = DataSources.open(folder.toString(), options)) {
      int bytes = 12 * 10 * 3;
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment target = arena.allocate(bytes + 5);
        for (long key = 0; key < 20; key++) {
          splits.train().readPart(1, key, target, 5);
          CropBox box = CropBox.random(key, height, width);
          byte[] expected = CropResizer.resize(rgb, width, 3, box, size);
          assertThat(target.asSlice(5).toArray(JAVA_BYTE)).isEqualTo(expected);
        }
      }
    }
  }

  private static List<byte[]> batches(Dataset data, long seed, int steps, int startStep) {
    List<byte[]> all = new ArrayList<>();
    try (Arena arena = Arena.ofShared()) {
      List<BatchSlot> slots = List.of(BatchSlot.allocate(arena, 4, 32, 32, 3));
      try (PrefetchingDataLoader loader =
          new PrefetchingDataLoader(
              data,
              4,
              Augmentation.RANDOM_RESIZED_CROP,
              false,
              seed,
              slots,
              startStep,
              steps,
              true)) {
        for (BatchSlot slot = loader.take(); slot != null; slot = loader.take()) {
          all.add(slot.pictures().toArray(JAVA_BYTE));
          all.add(slot.crops().toArray(JAVA_BYTE));
          for (int i = 0; i < 4; i++) {
            assertThat(slot.crops().get(JAVA_INT, 12L * i)).isEqualTo(EpochOrder.PADDING);
            assertThat(slot.crops().get(JAVA_INT, 12L * i + 4)).isEqualTo(EpochOrder.PADDING);
          }
          loader.release(slot);
        }
      }
    }
    return all;
  }

  /**
   * Two epochs of two steps: other parts in each, the same for the same seed, after a resume, too.
   */
  @Test
  void partsFollowFromSeedEpochAndPicture() {
    FeatureMap map = new FeatureMap(32, 32, 3);
    try (DataSplits shapes = DataSources.open("shapes", DataOptions.defaults());
        Dataset first = Datasets.subset(shapes.train(), new int[] {3, 1, 4, 1, 5, 9, 2, 6})) {
      assertThat(first.pictureBytes()).isEqualTo(map.values());
      List<byte[]> whole = batches(first, 1, 4, 0);
      assertThat(whole).hasSize(8);
      assertThat(batches(first, 1, 4, 0)).usingRecursiveComparison().isEqualTo(whole);
      assertThat(batches(first, 1, 4, 3).getFirst()).isEqualTo(whole.get(6));
      assertThat(whole.get(4)).as("the second epoch").isNotEqualTo(whole.get(0));
      assertThat(batches(first, 2, 4, 0).getFirst()).isNotEqualTo(whole.getFirst());
      // The same picture twice, at two places of the data set, is seen in two parts.
      byte[] pictures = whole.getFirst();
      int bytes = first.pictureBytes();
      assertThat(MemorySegment.ofArray(pictures).asSlice(bytes, bytes).toArray(JAVA_BYTE))
          .isNotEqualTo(
              MemorySegment.ofArray(pictures).asSlice(3L * bytes, bytes).toArray(JAVA_BYTE));
    }
  }
}
