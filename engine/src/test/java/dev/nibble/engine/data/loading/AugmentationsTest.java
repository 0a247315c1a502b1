package dev.nibble.engine.data.loading;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.loading.Augmentation.Placement;
import dev.nibble.engine.data.sources.InMemoryDataset;
import dev.nibble.kernels.FeatureMap;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class AugmentationsTest {
  private static final int SIDE = 12;

  private static byte[] picture(int channels) {
    byte[] picture = new byte[SIDE * SIDE * channels];
    new SplittableRandom(1).nextBytes(picture);
    return picture;
  }

  private static byte[] changed(Augmentation augmentation, int channels, long key) {
    byte[] picture = picture(channels);
    augmentation.change(picture, SIDE, SIDE, channels, key);
    return picture;
  }

  private static List<Augmentation> changes() {
    return List.of(
        Augmentations.colorJitter(0.4),
        Augmentations.trivialAugment(),
        Augmentations.randomErasing(1));
  }

  @Test
  void aKeyDrawsTheSameAndOthersDrawOthers() {
    for (Augmentation augmentation : changes()) {
      for (int channels : new int[] {1, 3}) {
        Set<Integer> seen = new HashSet<>();
        for (long key = 0; key < 200; key++) {
          byte[] once = changed(augmentation, channels, key);
          assertThat(once).isEqualTo(changed(augmentation, channels, key));
          seen.add(Arrays.hashCode(once));
        }
        assertThat(seen).as("%s", augmentation).hasSizeGreaterThan(50);
      }
    }
  }

  private static Pixels pixels(byte[] bytes, int channels) {
    return new Pixels(bytes, SIDE, SIDE, channels);
  }

  @Test
  void aFactorOfOneAndNoMoveLeaveThePictureAsItIs() {
    byte[] bytes = picture(3);
    Pixels pixels = pixels(bytes, 3);
    pixels.brightness(1);
    pixels.contrast(1);
    pixels.saturation(1);
    pixels.sharpness(1);
    pixels.transform(1, 0, 0, 1, 0, 0);
    assertThat(bytes).isEqualTo(picture(3));
  }

  @Test
  void aFactorOfZeroLeavesBlackGreyOrOneTone() {
    byte[] black = picture(3);
    pixels(black, 3).brightness(0);
    assertThat(black).containsOnly(0);
    byte[] tone = picture(3);
    pixels(tone, 3).contrast(0);
    assertThat(tone).containsOnly(tone[0]);
    byte[] grey = picture(3);
    pixels(grey, 3).saturation(0);
    for (int i = 0; i < grey.length; i += 3) {
      assertThat(grey[i]).isEqualTo(grey[i + 1]).isEqualTo(grey[i + 2]);
    }
    byte[] bright = picture(1);
    pixels(bright, 1).brightness(1000);
    for (int i = 0; i < bright.length; i++) {
      assertThat(bright[i]).isEqualTo((byte) (picture(1)[i] == 0 ? 0 : 255));
    }
  }

  @Test
  void movesAndTurnsTakePixelsFromWhereTheyLay() {
    byte[] moved = picture(3);
    pixels(moved, 3).transform(1, 0, 0, 1, 2, -1);
    Pixels before = pixels(picture(3), 3);
    Pixels after = pixels(moved, 3);
    for (int row = 0; row < SIDE; row++) {
      for (int column = 0; column < SIDE; column++) {
        boolean inside = row >= 1 && column < SIDE - 2;
        assertThat(after.get(row, column, 1))
            .isEqualTo(inside ? before.get(row - 1, column + 2, 1) : 0);
      }
    }
    byte[] turned = picture(1);
    for (int quarter = 0; quarter < 4; quarter++) {
      pixels(turned, 1).transform(0, -1, 1, 0, 0, 0);
      assertThat(Arrays.equals(turned, picture(1))).isEqualTo(quarter == 3);
    }
  }

  @Test
  void contrastIsStretchedAndEvened() {
    byte[] flat = new byte[SIDE * SIDE];
    for (int i = 0; i < flat.length; i++) {
      flat[i] = (byte) (100 + i % 3);
    }
    byte[] stretched = flat.clone();
    pixels(stretched, 1).autoContrast();
    assertThat(stretched).contains((byte) 0, (byte) 128, (byte) 255);
    byte[] even = flat.clone();
    pixels(even, 1).equalize();
    assertThat(even).contains((byte) 0, (byte) 128, (byte) 255);
    byte[] one = new byte[SIDE * SIDE];
    Arrays.fill(one, (byte) 7);
    pixels(one, 1).equalize();
    pixels(one, 1).autoContrast();
    assertThat(one).containsOnly(7);
  }

  @Test
  void anErasedRectangleHasTheMeanAndARightArea() {
    Augmentation erasing = Augmentations.randomErasing(1);
    byte[] before = picture(1);
    double mean = 0;
    for (byte value : before) {
      mean += (value & 0xFF) / (double) before.length;
    }
    double area = 0;
    for (long key = 0; key < 300; key++) {
      byte[] after = changed(erasing, 1, key);
      int erased = 0;
      for (int i = 0; i < after.length; i++) {
        if (after[i] != before[i]) {
          assertThat(after[i] & 0xFF).isEqualTo((int) Math.round(mean));
          erased++;
        }
      }
      assertThat(erased).isBetween(1, SIDE * SIDE * 2 / 5);
      area += erased / 300.0 / (SIDE * SIDE);
    }
    assertThat(area).isCloseTo(0.17, within(0.03));
    int untouched = 0;
    for (long key = 0; key < 400; key++) {
      boolean same = Arrays.equals(changed(Augmentations.randomErasing(0.25), 1, key), before);
      untouched += same ? 1 : 0;
    }
    assertThat(untouched / 400.0).isCloseTo(0.75, within(0.08));
  }

  /** An augmentation of a user's own, which the loader calls with a key of its own for each. */
  @Test
  void theLoaderAppliesASequenceAfterTheFirstPlacement() {
    List<Long> keys = new ArrayList<>();
    Augmentation own =
        new Augmentation() {
          @Override
          public String name() {
            return "ONES";
          }

          @Override
          public Placement placement() {
            return Placement.CENTRE;
          }

          @Override
          public boolean changesPixels() {
            return true;
          }

          @Override
          public void change(byte[] pixels, int height, int width, int channels, long key) {
            keys.add(key);
            Arrays.fill(pixels, (byte) 1);
          }
        };
    Augmentation both = Augmentations.sequence(List.of(own, Augmentation.CROP_FLIP));
    assertThat(both.name()).isEqualTo("ONES + CROP_FLIP");
    assertThat(both.placement()).isEqualTo(Placement.CROP_FLIP);
    InMemoryDataset.Builder builder =
        InMemoryDataset.builder(new FeatureMap(4, 4, 3), List.of("a"));
    for (int i = 0; i < 6; i++) {
      builder.add(new byte[48], 0);
    }
    try (Arena arena = Arena.ofShared();
        Dataset data = builder.build();
        PrefetchingDataLoader loader =
            PrefetchingDataLoader.forTraining(
                data, 6, both, true, 3, List.of(BatchSlot.allocate(arena, 6, 4, 4, 3)), 0, 2)) {
      for (int step = 0; step < 2; step++) {
        BatchSlot slot = Objects.requireNonNull(loader.take());
        assertThat(slot.pictures().asSlice(0, 6 * 48).toArray(JAVA_BYTE)).containsOnly(1);
        loader.release(slot);
      }
    }
    assertThat(keys).hasSize(12).doesNotHaveDuplicates();
  }

  @Test
  void constantsOutOfRangeAreRefused() {
    for (double wrong : new double[] {0, -1, 1.1, Double.NaN}) {
      assertThatThrownBy(() -> Augmentations.colorJitter(wrong))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> Augmentations.randomErasing(wrong))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> Augmentations.sequence(List.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
