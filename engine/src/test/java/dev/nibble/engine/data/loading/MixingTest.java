package dev.nibble.engine.data.loading;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.random.BetaDraw;
import dev.nibble.engine.data.random.EpochOrder;
import dev.nibble.engine.data.random.SplitMix64;
import dev.nibble.engine.data.sources.InMemoryDataset;
import dev.nibble.kernels.FeatureMap;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Mixed pictures and their targets. */
class MixingTest {
  private static final FeatureMap MAP = new FeatureMap(12, 20, 3);
  private static final int BATCH = 8;
  private static final int PICTURES = 21; // two batches of 8, one of 5

  /** Every picture is of one value, and every class has one picture: 10 times its number. */
  private static Dataset pictures() {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < PICTURES; i++) {
      names.add("class " + i);
    }
    InMemoryDataset.Builder builder = InMemoryDataset.builder(MAP, names);
    for (int i = 0; i < PICTURES; i++) {
      byte[] picture = new byte[MAP.values()];
      java.util.Arrays.fill(picture, (byte) (10 * i));
      builder.add(picture, i);
    }
    return builder.build();
  }

  private static BatchSlot slot(Arena arena) {
    return new BatchSlot(
        BATCH,
        MAP.height(),
        MAP.width(),
        MAP.channels(),
        arena.allocate((long) BATCH * MAP.values(), 64),
        arena.allocate(4 * BATCH, 64),
        arena.allocate(12 * BATCH, 64),
        PICTURES,
        arena.allocate(4L * BATCH * PICTURES, 64));
  }

  private interface Check {
    void batch(BatchSlot slot);
  }

  private static void load(
      Mixing mixing,
      Augmentation augmentation,
      long start,
      long end,
      BatchShare share,
      Check check) {
    try (Dataset data = pictures();
        Arena arena = Arena.ofShared();
        PrefetchingDataLoader loader =
            PrefetchingDataLoader.forTraining(
                data,
                BATCH,
                augmentation,
                true,
                5,
                List.of(slot(arena), slot(arena)),
                start,
                end,
                share,
                mixing)) {
      for (BatchSlot slot = loader.take(); slot != null; slot = loader.take()) {
        check.batch(slot);
        loader.release(slot);
      }
    }
  }

  /** Shown are a picture's values by place, after its crop; padding is left out. */
  private static int[] histogram(BatchSlot slot, int picture) {
    int[] counts = new int[256];
    int down = slot.crops().get(JAVA_INT, 12L * picture) - EpochOrder.PADDING;
    int across = slot.crops().get(JAVA_INT, 12L * picture + 4) - EpochOrder.PADDING;
    for (int y = 0; y < MAP.height(); y++) {
      for (int x = 0; x < MAP.width(); x++) {
        int row = y + down;
        int column = x + across;
        if (row >= 0 && row < MAP.height() && column >= 0 && column < MAP.width()) {
          long at = ((long) picture * MAP.height() + row) * MAP.width() + column;
          counts[slot.pictures().get(JAVA_BYTE, at * MAP.channels()) & 0xFF]++;
        }
      }
    }
    return counts;
  }

  private static float target(BatchSlot slot, int picture, int label) {
    MemorySegment targets = java.util.Objects.requireNonNull(slot.targets());
    return targets.getAtIndex(JAVA_FLOAT, (long) picture * PICTURES + label);
  }

  @Test
  void mixupAddsThePictureAndTheNextByTheTargetsShares() {
    List<Float> shares = new ArrayList<>();
    load(
        new Mixing(0.4, 0),
        Augmentation.NONE,
        0,
        6,
        BatchShare.WHOLE,
        slot -> {
          for (int i = 0; i < slot.count(); i++) {
            int own = slot.labels().getAtIndex(JAVA_INT, i);
            int next = slot.labels().getAtIndex(JAVA_INT, (i + 1) % slot.count());
            float share = target(slot, i, own);
            assertThat(share + target(slot, i, next)).isEqualTo(1);
            for (int k = 0; k < PICTURES; k++) {
              assertThat(target(slot, i, k))
                  .isEqualTo(k == own ? share : k == next ? 1 - share : 0);
            }
            long expected = Math.round(10.0 * own * share + 10.0 * next * (1 - share));
            byte[] picture =
                slot.pictures().asSlice((long) i * MAP.values(), MAP.values()).toArray(JAVA_BYTE);
            for (byte value : picture) {
              assertThat((value & 0xFF) - expected).isBetween(-1L, 1L);
            }
            shares.add(share);
          }
        });
    assertThat(shares).hasSize(2 * PICTURES);
    assertThat(shares.stream().distinct().count()).isGreaterThan(30);
  }

  /** As crops show it: the targets' shares are those of the pixels that are seen. */
  @Test
  void cutmixCountsWhatACropShows() {
    int[] mixed = new int[1];
    load(
        new Mixing(0, 1),
        Augmentation.CROP_FLIP,
        0,
        30,
        BatchShare.WHOLE,
        slot -> {
          for (int i = 0; i < slot.count(); i++) {
            int own = slot.labels().getAtIndex(JAVA_INT, i);
            int next = slot.labels().getAtIndex(JAVA_INT, (i + 1) % slot.count());
            int[] counts = histogram(slot, i);
            int pasted = counts[10 * next];
            float share = target(slot, i, own);
            assertThat((double) share)
                .isCloseTo(1 - pasted / 240.0, within(1e-4)); // of 12x20 that are shown
            assertThat(target(slot, i, next)).isCloseTo(1 - share, within(1e-6f));
            mixed[0] += pasted > 0 && counts[10 * own] > 0 ? 1 : 0;
          }
        });
    assertThat(mixed[0]).isGreaterThan(100);
  }

  /** Each draws for itself by its place in the whole batch: so do workers, and resumed runs. */
  @ParameterizedTest
  @ValueSource(strings = {"mixup", "cutmix", "both"})
  void sharesOfABatchAndResumedLoadersGiveTheSameBytes(String how) {
    Mixing mixing = new Mixing(how.equals("cutmix") ? 0 : 0.3, how.equals("mixup") ? 0 : 0.8);
    List<List<Byte>> whole = bytes(mixing, 0, BatchShare.WHOLE);
    assertThat(whole).hasSize(6);
    assertThat(bytes(mixing, 2, BatchShare.WHOLE)).isEqualTo(whole.subList(2, 6));
    List<List<Byte>> first = bytes(mixing, 0, new BatchShare(0, 3, 8));
    List<List<Byte>> second = bytes(mixing, 0, new BatchShare(3, 8, 8));
    for (int i = 0; i < whole.size(); i++) {
      List<Byte> joined = new ArrayList<>(first.get(i));
      joined.addAll(second.get(i));
      assertThat(joined).as("%s, batch %d", how, i).isEqualTo(whole.get(i));
    }
  }

  private static List<List<Byte>> bytes(Mixing mixing, long start, BatchShare share) {
    List<List<Byte>> batches = new ArrayList<>();
    load(
        mixing,
        Augmentations.sequence(List.of(Augmentation.CROP_FLIP, Augmentations.randomErasing(0.5))),
        start,
        6,
        share,
        slot -> {
          List<Byte> batch = new ArrayList<>();
          for (int i = 0; i < slot.count(); i++) {
            add(batch, slot.pictures(), i, MAP.values());
            add(batch, slot.crops(), i, 12);
            add(batch, slot.wanted(), i, 4L * PICTURES);
          }
          batches.add(batch);
        });
    return batches;
  }

  private static void add(List<Byte> list, MemorySegment segment, int index, long bytes) {
    for (byte value : segment.asSlice(index * bytes, bytes).toArray(JAVA_BYTE)) {
      list.add(value);
    }
  }

  /** Mean 1/2 and variance 1 / (4 (2a + 1)). */
  @ParameterizedTest
  @ValueSource(doubles = {0.01, 0.2, 1, 3})
  void sharesAreOfTheBetaDistribution(double a) {
    int count = 40_000;
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < count; i++) {
      double x = BetaDraw.of(a, SplitMix64.key(9, i));
      assertThat(x).isBetween(0.0, 1.0);
      sum += x;
      squares += (x - 0.5) * (x - 0.5);
    }
    assertThat(sum / count).isCloseTo(0.5, within(0.01));
    double variance = 1 / (4 * (2 * a + 1));
    assertThat(squares / count).isCloseTo(variance, within(0.02 * variance));
  }

  @Test
  void slotsNeedTargetsAndNumbersAreChecked() {
    try (Dataset data = pictures();
        Arena arena = Arena.ofShared()) {
      List<BatchSlot> slots = List.of(BatchSlot.allocate(arena, BATCH, 12, 20, 3));
      assertThatThrownBy(
              () ->
                  PrefetchingDataLoader.forTraining(
                      data,
                      BATCH,
                      Augmentation.NONE,
                      true,
                      5,
                      slots,
                      0,
                      1,
                      BatchShare.WHOLE,
                      new Mixing(1, 0)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("targets");
    }
    for (double wrong : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatThrownBy(() -> new Mixing(wrong, 0)).hasMessageContaining("mixup is " + wrong);
      assertThatThrownBy(() -> new Mixing(0, wrong)).hasMessageContaining("cutmix is " + wrong);
    }
    assertThat(Mixing.NONE.isOn()).isFalse();
  }
}
