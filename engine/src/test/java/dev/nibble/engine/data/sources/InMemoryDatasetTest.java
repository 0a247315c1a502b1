package dev.nibble.engine.data.sources;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.Dataset;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.MemoryLimitException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pictures in memory: kept as given, checked, and given back. */
class InMemoryDatasetTest {
  private static final FeatureMap MAP = new FeatureMap(2, 3, 3);
  private static final List<String> CLASSES = List.of("cat", "dog");

  private final MemoryAccount account = MemoryAccount.root("test", 1 << 20);

  @AfterEach
  void everythingIsGivenBack() {
    assertThat(account.used()).isZero();
    account.close();
  }

  private InMemoryDataset.Builder builder(boolean offHeap, int capacity) {
    return offHeap
        ? InMemoryDataset.offHeapBuilder(MAP, CLASSES, capacity, account)
        : InMemoryDataset.builder(MAP, CLASSES);
  }

  private static byte[] picture(int value) {
    byte[] picture = new byte[MAP.values()];
    for (int i = 0; i < picture.length; i++) {
      picture[i] = (byte) (31 * value + i);
    }
    return picture;
  }

  private static byte[] read(Dataset dataset, int index) {
    byte[] target = new byte[dataset.pictureBytes() + 2];
    dataset.read(index, MemorySegment.ofArray(target), 1);
    assertThat(target[0]).isZero();
    assertThat(target[target.length - 1]).isZero();
    return Arrays.copyOfRange(target, 1, target.length - 1);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void picturesComeBackAsTheyWereGiven(boolean offHeap) {
    byte[] reused = picture(0);
    try (InMemoryDataset.Builder builder = builder(offHeap, 5)) {
      builder.add(reused, 0);
      Arrays.fill(reused, (byte) 77);
      byte[] two = new byte[2 * MAP.values()];
      System.arraycopy(picture(1), 0, two, 0, MAP.values());
      System.arraycopy(picture(2), 0, two, MAP.values(), MAP.values());
      builder.addAll(two, new int[] {1, 0});
      builder.add(MemorySegment.ofArray(picture(3)), 1);
      try (Dataset dataset = builder.build()) {
        assertThat(dataset.size()).isEqualTo(4);
        assertThat(dataset.classNames()).isEqualTo(CLASSES);
        assertThat(List.of(dataset.height(), dataset.width(), dataset.channels()))
            .containsExactly(2, 3, 3);
        for (int i = 0; i < 4; i++) {
          assertThat(read(dataset, i)).isEqualTo(picture(i));
          assertThat(dataset.label(i)).isEqualTo(i % 2);
        }
        assertThat(account.used() > 0).isEqualTo(offHeap);
      }
    }
  }

  @Test
  void growsOnTheHeapBeyondOneBlock() {
    FeatureMap map = new FeatureMap(64, 64, 3);
    InMemoryDataset.Builder builder = InMemoryDataset.builder(map, CLASSES);
    byte[] picture = new byte[map.values()];
    for (int i = 0; i < 200; i++) { // 2.3 MiB
      Arrays.fill(picture, (byte) i);
      builder.add(picture, i % 2);
    }
    try (Dataset dataset = builder.build()) {
      for (int i = 0; i < 200; i++) {
        byte[] read = read(dataset, i);
        assertThat(read[0]).isEqualTo((byte) i);
        assertThat(read[read.length - 1]).isEqualTo((byte) i);
        assertThat(dataset.label(i)).isEqualTo(i % 2);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aClosedOneIsReadNoMore(boolean offHeap) {
    try (InMemoryDataset.Builder builder = builder(offHeap, 1)) {
      InMemoryDataset dataset = builder.add(picture(1), 0).build();
      dataset.close();
      dataset.close();
      assertThatThrownBy(() -> read(dataset, 0)).isInstanceOf(IllegalStateException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatDoesNotFitIsRefusedAndChangesNothing(boolean offHeap) {
    try (InMemoryDataset.Builder builder = builder(offHeap, 3)) {
      assertRefused(builder::build, "at least 1 picture");
      assertRefused(() -> builder.add(new byte[17], 0), "has 17 bytes, but one of 2x3x3 has 18");
      assertRefused(() -> builder.add(picture(0), 2), "label 2, but labels are 0 to 1");
      assertRefused(() -> builder.add(picture(0), -1), "label -1");
      assertRefused(() -> builder.addAll(new byte[36], new int[] {0, 2}), "label 2");
      assertRefused(() -> builder.addAll(new byte[36], new int[] {0}), "need 18 bytes");
      try (Dataset dataset = builder.add(picture(5), 1).build()) {
        assertThat(dataset.size()).isOne();
        assertThat(read(dataset, 0)).isEqualTo(picture(5));
        assertThatThrownBy(() -> dataset.label(1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> read(dataset, 1)).isInstanceOf(IndexOutOfBoundsException.class);
        MemorySegment small = MemorySegment.ofArray(new byte[20]);
        assertThatThrownBy(() -> dataset.read(0, small, 3))
            .isInstanceOf(IndexOutOfBoundsException.class);
        assertThat(small.get(JAVA_BYTE, 3)).isZero();
      }
      assertThatThrownBy(builder::build).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> builder.add(picture(0), 0))
          .isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void offHeapPicturesKeepToTheirCapacityAndTheAccount() {
    try (InMemoryDataset.Builder builder = builder(true, 2)) {
      builder.add(picture(0), 0);
      assertRefused(() -> builder.addAll(new byte[36], new int[] {0, 0}), "holds 1, so 2 more");
      builder.add(picture(1), 0);
      assertRefused(() -> builder.add(picture(2), 0), "made for 2 pictures");
    }
    assertThat(account.used()).as("after closing the builder alone").isZero();
    assertThatThrownBy(() -> builder(true, 1 << 20).close())
        .isInstanceOf(MemoryLimitException.class);
    assertThatThrownBy(() -> builder(true, 0).close()).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void classesAreNamedAndNamedOnce() {
    assertRefused(() -> InMemoryDataset.builder(MAP, List.of()).close(), "names of its classes");
    assertRefused(() -> InMemoryDataset.builder(MAP, List.of("cat", "cat")).close(), "named 'cat'");
  }

  private static void assertRefused(ThrowingCallable action, String part) {
    assertThatThrownBy(action).isInstanceOf(DataException.class).hasMessageContaining(part);
  }
}
