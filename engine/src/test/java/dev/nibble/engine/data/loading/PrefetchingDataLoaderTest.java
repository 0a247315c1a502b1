package dev.nibble.engine.data.loading;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.FakeDataset;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PrefetchingDataLoaderTest {
  private static final FakeDataset DATA = new FakeDataset(23, -1);

  @Test
  void deliversTheSameBatchesForAnyNumberOfSlots() {
    List<String> batches = batches(DATA, 5, 1, 0, 13);
    assertThat(batches).hasSize(13);
    for (int slots = 2; slots <= 5; slots++) {
      assertThat(batches(DATA, 5, slots, 0, 13)).as("%d slots", slots).isEqualTo(batches);
    }
  }

  @Test
  void deliversTheSameBatchesAfterAResumeAtAnyStep() {
    List<String> batches = batches(DATA, 5, 2, 0, 13);
    for (int start = 0; start <= 13; start++) {
      assertThat(batches(DATA, 5, 2, start, 13))
          .as("from step %d", start)
          .isEqualTo(batches.subList(start, 13));
    }
  }

  @Test
  void anEpochShowsEachPictureAtMostOnceAndEpochsDiffer() {
    try (Arena arena = Arena.ofShared();
        PrefetchingDataLoader loader =
            new PrefetchingDataLoader(
                DATA, 5, Augmentation.CROP_FLIP, true, 1, slots(arena, 5, 2), 0, 8, true)) {
      List<List<Integer>> epochs = List.of(new ArrayList<>(), new ArrayList<>());
      for (BatchSlot slot = loader.take(); slot != null; slot = loader.take()) {
        assertThat(slot.firstOfEpoch()).isEqualTo(slot.step() % 4 == 0);
        assertThat(slot.lastOfEpoch()).isEqualTo(slot.step() % 4 == 3);
        assertThat(slot.count()).isEqualTo(5);
        for (int i = 0; i < 5; i++) {
          int index = slot.pictures().get(JAVA_BYTE, 4L * i);
          epochs.get(slot.epoch()).add(index);
          assertThat(slot.labels().getAtIndex(JAVA_INT, i)).isEqualTo(index % 3);
        }
        loader.release(slot);
      }
      assertThat(epochs.get(0)).hasSize(20).doesNotHaveDuplicates();
      assertThat(epochs.get(1)).hasSize(20).doesNotHaveDuplicates().isNotEqualTo(epochs.get(0));
      assertThat(loader.stepsPerEpoch()).isEqualTo(4);
    }
  }

  @Test
  void evaluationIsOnePassInOrderWithAPartialLastBatch() {
    try (Arena arena = Arena.ofShared();
        PrefetchingDataLoader loader = DataLoader.forEvaluation(DATA, 5, slots(arena, 5, 2))) {
      int expected = 0;
      int[] counts = new int[5];
      for (BatchSlot slot = loader.take(); slot != null; slot = loader.take()) {
        counts[(int) slot.step()] = slot.count();
        for (int i = 0; i < slot.count(); i++) {
          assertThat((int) slot.pictures().get(JAVA_BYTE, 4L * i)).isEqualTo(expected++);
          assertThat(slot.crops().asSlice(12L * i, 12).toArray(JAVA_INT)).containsExactly(4, 4, 0);
        }
        loader.release(slot);
      }
      assertThat(counts).containsExactly(5, 5, 5, 5, 3);
      assertThat(loader.take()).isNull();
    }
  }

  /** 23 pictures in batches of 11: one is left, and gets company. */
  @Test
  void trainingShowsEveryPictureOnceAnEpochAndNoneAlone() {
    try (Arena arena = Arena.ofShared();
        PrefetchingDataLoader loader =
            PrefetchingDataLoader.forTraining(
                DATA, 11, Augmentation.NONE, true, 1, slots(arena, 11, 2), 0, 6)) {
      List<List<Integer>> epochs = List.of(new ArrayList<>(), new ArrayList<>());
      List<Integer> counts = new ArrayList<>();
      for (BatchSlot slot = loader.take(); slot != null; slot = loader.take()) {
        counts.add(slot.count());
        assertThat(slot.lastOfEpoch()).isEqualTo(slot.step() % 3 == 2);
        for (int i = 0; i < slot.count(); i++) {
          epochs.get(slot.epoch()).add((int) slot.pictures().get(JAVA_BYTE, 4L * i));
        }
        loader.release(slot);
      }
      assertThat(counts).containsExactly(11, 10, 2, 11, 10, 2);
      assertThat(epochs.get(0)).hasSize(23).doesNotHaveDuplicates();
      assertThat(epochs.get(1)).hasSize(23).doesNotHaveDuplicates().isNotEqualTo(epochs.get(0));
      assertThat(loader.stepsPerEpoch()).isEqualTo(3);
      List<BatchSlot> large = slots(arena, 24, 1);
      assertThatThrownBy(
              () ->
                  PrefetchingDataLoader.forTraining(
                          DATA, 24, Augmentation.NONE, true, 1, large, 0, 6)
                      .close())
          .isInstanceOf(DataException.class)
          .hasMessageContaining("a batch of at most 23");
    }
  }

  @Test
  void evaluationTakesABatchLargerThanTheData() {
    try (Arena arena = Arena.ofShared();
        PrefetchingDataLoader loader = DataLoader.forEvaluation(DATA, 100, slots(arena, 100, 1))) {
      BatchSlot slot = loader.take();
      assertThat(slot).isNotNull();
      assertThat(slot.count()).isEqualTo(23);
      loader.release(slot);
      assertThat(loader.take()).isNull();
    }
  }

  @Test
  void withoutShuffleTrainingKeepsTheOrder() {
    try (Arena arena = Arena.ofShared();
        PrefetchingDataLoader loader =
            new PrefetchingDataLoader(
                DATA, 5, Augmentation.NONE, false, 9, slots(arena, 5, 3), 5, 6, true)) {
      BatchSlot slot = loader.take();
      assertThat(slot).isNotNull();
      assertThat(slot.epoch()).isEqualTo(1);
      assertThat((int) slot.pictures().get(JAVA_BYTE, 0)).isEqualTo(5);
      loader.release(slot);
    }
  }

  @Test
  void rejectsABatchLargerThanTheData() {
    assertThatThrownBy(() -> batches(DATA, 24, 1, 0, 1))
        .isInstanceOf(DataException.class)
        .hasMessage(
            "A batch of 24 pictures is larger than the data set of 23; use a batch of at most 23.");
  }

  @Test
  void rejectsSlotsOfAnotherSize() {
    try (Arena arena = Arena.ofShared()) {
      List<BatchSlot> small = slots(arena, 4, 1);
      assertThatThrownBy(() -> DataLoader.forEvaluation(DATA, 5, small).close())
          .isInstanceOf(IllegalArgumentException.class);
      List<BatchSlot> other = List.of(BatchSlot.allocate(arena, 5, 2, 2, 2));
      assertThatThrownBy(() -> DataLoader.forEvaluation(DATA, 5, other).close())
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> DataLoader.forEvaluation(DATA, 5, List.of()).close())
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void aFailureReachesTheTakerAfterTheBatchesBeforeIt() {
    try (Arena arena = Arena.ofShared();
        PrefetchingDataLoader loader =
            DataLoader.forEvaluation(new FakeDataset(23, 12), 5, slots(arena, 5, 4))) {
      for (int step = 0; step < 2; step++) {
        BatchSlot slot = loader.take();
        assertThat(slot).isNotNull();
        assertThat(slot.step()).isEqualTo(step);
        loader.release(slot);
      }
      for (int again = 0; again < 2; again++) {
        assertThatThrownBy(loader::take)
            .isInstanceOf(DataException.class)
            .hasMessage("Picture 12 is broken.");
      }
    }
  }

  @Test
  void rejectsReleasingTwice() {
    try (Arena arena = Arena.ofShared();
        PrefetchingDataLoader loader = DataLoader.forEvaluation(DATA, 5, slots(arena, 5, 2))) {
      BatchSlot slot = loader.take();
      assertThat(slot).isNotNull();
      loader.release(slot);
      // The loader may have begun to refill it: either way it is not the taker's any more.
      assertThatThrownBy(() -> loader.release(slot)).isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void closeEndsTheThreadWhereverItIs() {
    for (int taken = 0; taken < 4; taken++) {
      try (Arena arena = Arena.ofShared()) {
        PrefetchingDataLoader loader =
            new PrefetchingDataLoader(
                DATA,
                5,
                Augmentation.CROP_FLIP,
                true,
                1,
                slots(arena, 5, 4),
                0,
                PrefetchingDataLoader.UNBOUNDED,
                true);
        for (int i = 0; i < taken; i++) {
          assertThat(loader.take()).isNotNull();
        }
        assertThat(loaderThreads()).isOne();
        loader.close();
        loader.close();
        assertThat(loaderThreads()).isZero();
        assertThatThrownBy(loader::take).isInstanceOf(IllegalStateException.class);
        assertThat(loader.waitNanos()).isNotNegative();
      }
    }
  }

  @Test
  void anInterruptedTakerIsToldAndMayStillClose() {
    try (Arena arena = Arena.ofShared();
        PrefetchingDataLoader loader =
            new PrefetchingDataLoader(
                DATA, 5, Augmentation.NONE, true, 1, slots(arena, 5, 1), 0, 8, true)) {
      assertThat(loader.take()).isNotNull();
      // Its only slot is taken, so this would wait for ever.
      Thread.currentThread().interrupt();
      assertThatThrownBy(loader::take)
          .isInstanceOf(DataException.class)
          .hasMessageContaining("Interrupted");
      assertThat(loader.waitNanos()).isPositive();
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  private static long loaderThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("nibble-data-loader") && thread.isAlive())
        .count();
  }

  private static List<BatchSlot> slots(Arena arena, int batch, int count) {
    List<BatchSlot> slots = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      slots.add(BatchSlot.allocate(arena, batch, 2, 1, 2));
    }
    return slots;
  }

  /** Everything that steps start..end-1 deliver, as text. */
  private static List<String> batches(Dataset dataset, int batch, int slots, long start, long end) {
    List<String> batches = new ArrayList<>();
    try (Arena arena = Arena.ofShared();
        PrefetchingDataLoader loader =
            new PrefetchingDataLoader(
                dataset,
                batch,
                Augmentation.CROP_FLIP,
                true,
                42,
                slots(arena, batch, slots),
                start,
                end,
                true)) {
      for (BatchSlot slot = loader.take(); slot != null; slot = loader.take()) {
        batches.add(
            slot.step()
                + " "
                + slot.epoch()
                + Arrays.toString(slot.pictures().toArray(JAVA_BYTE))
                + Arrays.toString(slot.labels().toArray(JAVA_INT))
                + Arrays.toString(slot.crops().toArray(JAVA_INT)));
        loader.release(slot);
      }
    }
    return batches;
  }
}
