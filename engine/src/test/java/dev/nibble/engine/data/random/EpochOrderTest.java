package dev.nibble.engine.data.random;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class EpochOrderTest {
  @Test
  void permutationHoldsEachIndexOnceAndDependsOnSeedAndEpoch() {
    int[] first = permutation(7, 0);
    assertThat(first.clone()).containsExactlyInAnyOrder(sequence());
    assertThat(first).isNotEqualTo(sequence());
    assertThat(permutation(7, 0)).isEqualTo(first);
    assertThat(permutation(7, 1)).isNotEqualTo(first);
    assertThat(permutation(8, 0)).isNotEqualTo(first);
  }

  @Test
  void everyPictureComesToEveryPlaceAboutEquallyOften() {
    int[][] seen = new int[10][10];
    int[] order = new int[10];
    for (int epoch = 0; epoch < 10_000; epoch++) {
      EpochOrder.permutation(3, epoch, order);
      for (int i = 0; i < 10; i++) {
        seen[i][order[i]]++;
      }
    }
    for (int[] row : seen) {
      for (int count : row) {
        // Expected 1000, standard deviation 30.
        assertThat(count).isBetween(850, 1150);
      }
    }
  }

  @Test
  void cropsCoverAllOffsetsAboutEquallyOftenAndRepeat() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment crop = arena.allocate(16, 4);
      int[] rows = new int[9];
      int[] columns = new int[9];
      int mirrored = 0;
      for (int index = 0; index < 9_000; index++) {
        EpochOrder.crop(5, 2, index, crop, 4);
        rows[crop.get(JAVA_INT, 4)]++;
        columns[crop.get(JAVA_INT, 8)]++;
        mirrored += crop.get(JAVA_INT, 12);
      }
      for (int i = 0; i < 9; i++) {
        assertThat(rows[i]).isBetween(850, 1150);
        assertThat(columns[i]).isBetween(850, 1150);
      }
      assertThat(mirrored).isBetween(4200, 4800);
      int[] last = crop.toArray(JAVA_INT);
      EpochOrder.crop(5, 2, 8_999, crop, 0);
      assertThat(crop.asSlice(0, 12).toArray(JAVA_INT)).containsExactly(last[1], last[2], last[3]);
    }
  }

  private static int[] permutation(long seed, int epoch) {
    int[] order = new int[1000];
    EpochOrder.permutation(seed, epoch, order);
    return order;
  }

  private static int[] sequence() {
    int[] order = new int[1000];
    EpochOrder.sequence(order);
    return order;
  }
}
