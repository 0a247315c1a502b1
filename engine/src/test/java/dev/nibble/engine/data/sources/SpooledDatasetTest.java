package dev.nibble.engine.data.sources;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.data.DataException;
import dev.nibble.kernels.FeatureMap;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Pictures in a temporary file come back as they were given. */
class SpooledDatasetTest {
  private static final FeatureMap MAP = new FeatureMap(1, 2, 2);

  private static SpooledDataset.Builder builder() {
    return SpooledDataset.builder(MAP, List.of("cat", "dog"));
  }

  private static MemorySegment picture(int value) {
    byte[] bytes = {(byte) value, (byte) (value + 1), (byte) -value, 7};
    return MemorySegment.ofArray(bytes);
  }

  @Test
  void picturesComeBackAsTheyWereGiven() {
    try (SpooledDataset.Builder builder = builder()) {
      for (int i = 0; i < 100; i++) {
        builder.add(picture(i), i % 2);
      }
      assertThat(builder.size()).isEqualTo(100);
      try (SpooledDataset dataset = builder.build(3)) {
        assertThat(dataset.size()).isEqualTo(100);
        assertThat(dataset.skipped()).isEqualTo(3);
        byte[] read = new byte[6];
        for (int i = 99; i >= 0; i--) {
          dataset.read(i, MemorySegment.ofArray(read), 2);
          assertThat(MemorySegment.ofArray(read).asSlice(2).mismatch(picture(i))).isEqualTo(-1);
          assertThat(dataset.label(i)).isEqualTo(i % 2);
        }
        assertThatThrownBy(() -> dataset.read(0, MemorySegment.ofArray(read), 3))
            .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> dataset.read(100, MemorySegment.ofArray(read), 0))
            .isInstanceOf(IndexOutOfBoundsException.class);
      }
      assertThatThrownBy(() -> builder.add(picture(0), 0))
          .isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void whatDoesNotFitIsRefused() {
    SpooledDataset.Builder closed;
    try (SpooledDataset.Builder builder = builder()) {
      assertRefused(() -> builder.build(1).close(), "at least 1 picture");
      assertRefused(() -> builder.add(picture(0), 2), "labels are 0 to 1");
      assertRefused(() -> builder.add(picture(0).asSlice(1), 0), "has 3 bytes, but one of 1x2x2");
      builder.add(picture(5), 1);
      closed = builder;
    }
    assertThatThrownBy(() -> closed.build(0).close()).isInstanceOf(IllegalStateException.class);
  }

  private static void assertRefused(ThrowingCallable action, String part) {
    assertThatThrownBy(action).isInstanceOf(DataException.class).hasMessageContaining(part);
  }
}
