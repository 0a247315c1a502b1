package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Numbers that are counted, not remembered, look drawn all the same. */
class DrawTest {
  private static final int COUNT = 1 << 16;

  /** Whether each value of a picture becomes 0. */
  private static boolean[] zeros(long draws, int stream, int picture, float rate) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment key = arena.allocate(Draw.BYTES, 8);
      Draw.set(key, draws, 0);
      int drawn = Draw.picture(key, stream, picture);
      boolean[] zeros = new boolean[COUNT];
      for (int i = 0; i < COUNT; i++) {
        zeros[i] = Draw.value(drawn, i) < Draw.threshold(rate);
      }
      return zeros;
    }
  }

  private static double share(boolean[] a, boolean[] b, int shift) {
    int both = 0;
    for (int i = 0; i < COUNT; i++) {
      both += a[i] && b[(i + shift) % COUNT] ? 1 : 0;
    }
    return (double) both / COUNT;
  }

  @ParameterizedTest
  @ValueSource(floats = {0f, 0.05f, 0.2f, 0.5f, 0.9f})
  void asManyBecomeZeroAsAreAskedFor(float rate) {
    // Six deviations of a binomial's share.
    double most = 6 * Math.sqrt(rate * (1 - rate) / COUNT);
    for (int picture = 0; picture < 20; picture++) {
      boolean[] zeros = zeros(77, 3, picture, rate);
      assertThat(share(zeros, zeros, 0)).isCloseTo(rate, within(most + 1e-6));
    }
  }

  @Test
  void stepsLayersPicturesAndNeighboursAreIndependent() {
    boolean[] zeros = zeros(1, 0, 0, 0.5f);
    double most = 6 * Math.sqrt(0.25 * 0.75 / COUNT);
    assertThat(share(zeros, zeros(2, 0, 0, 0.5f), 0)).isCloseTo(0.25, within(most));
    assertThat(share(zeros, zeros(1, 1, 0, 0.5f), 0)).isCloseTo(0.25, within(most));
    assertThat(share(zeros, zeros(1, 0, 1, 0.5f), 0)).isCloseTo(0.25, within(most));
    for (int shift = 1; shift < 100; shift++) {
      assertThat(share(zeros, zeros, shift)).as("%d on", shift).isCloseTo(0.25, within(most));
    }
  }

  @Test
  void aPictureIsNumberedInAllThatAStepRuns() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment whole = arena.allocate(Draw.BYTES, 8);
      MemorySegment second = arena.allocate(Draw.BYTES, 8);
      Draw.set(whole, 5, 0);
      Draw.set(second, 5, 16);
      assertThat(Draw.picture(second, 2, 3)).isEqualTo(Draw.picture(whole, 2, 19));
    }
  }
}
