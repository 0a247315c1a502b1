package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Operator.MaxPooling;
import dev.nibble.kernels.Operator.Resample;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What padding, ties and edges mean, by hand. */
class PoolingTest {
  static Stream<Kernels> kernels() {
    return Providers.underTest().stream();
  }

  private static float[] forward(
      Kernels kernels, Operator operator, float[] x, @Nullable MemorySegment argmax) {
    try (Guarded memory = new Guarded(0, true)) {
      MemorySegment y = memory.allocate(operator.output().bytes());
      Stage stage = new Stage(operator, Activation.IDENTITY, null, false);
      Runner.forward(
          kernels,
          new ForwardArgs(
              stage, 1, memory.allocate(x), null, null, null, null, null, argmax, y, null),
          0,
          1);
      memory.verify(kernels.name());
      return Guarded.floats(y, operator.output().values());
    }
  }

  private static float[] backward(
      Kernels kernels, Operator operator, float[] dy, @Nullable MemorySegment argmax) {
    try (Guarded memory = new Guarded(0, true)) {
      MemorySegment dx = memory.allocate(operator.input().bytes());
      Stage stage = new Stage(operator, Activation.IDENTITY, null, false);
      Runner.backward(
          kernels,
          new BackwardArgs(
              stage,
              1,
              List.of(GradientTerm.plain(memory.allocate(dy), operator.output())),
              null,
              null,
              null,
              null,
              null,
              argmax,
              List.of(),
              dx,
              null,
              memory.allocateAligned(Partials.sumBytes(stage))),
          0,
          1);
      memory.verify(kernels.name());
      return Guarded.floats(dx, operator.input().values());
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void theFirstOfEqualMaximaWinsAndPaddingNever(Kernels kernels) {
    float[] x = {
      -5, -5, -2,
      -5, -3, -2,
      -9, -4, -7
    };
    MaxPooling pool = new MaxPooling(new FeatureMap(3, 3, 1), 3, 2);
    try (Guarded memory = new Guarded(0, true)) {
      MemorySegment argmax = memory.allocate(4);
      assertThat(forward(kernels, pool, x, argmax)).containsExactly(-3, -2, -3, -2);
      // Places ky * 3 + kx: the centre from four corners' windows, and the upper of the two -2.
      assertThat(Guarded.bytes(argmax, 4)).containsExactly(8, 4, 2, 1);
      assertThat(backward(kernels, pool, new float[] {1, 10, 100, 1000}, argmax))
          .containsExactly(0, 0, 10, 0, 101, 1000, 0, 0, 0);
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void aShortcutAveragesValidPixelsAndPadsChannelsOnBothSides(Kernels kernels) {
    float[] x = {
      1, 2, 3,
      5, 6, 7,
      9, 10, 12
    };
    Resample shortcut = new Resample(new FeatureMap(3, 3, 1), 2, 4);
    assertThat(forward(kernels, shortcut, x, null))
        .containsExactly(0, 3.5f, 0, 0, 0, 5, 0, 0, 0, 9.5f, 0, 0, 0, 12, 0, 0);
    float[] dy = {7, 4, 7, 7, 7, 20, 7, 7, 7, 300, 7, 7, 7, 5000, 7, 7};
    assertThat(backward(kernels, shortcut, dy, null))
        .containsExactly(1, 1, 10, 1, 1, 10, 150, 150, 5000);
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void whatIsNotANumberWins(Kernels kernels) {
    float[] x = {1, Float.NaN, 2, 3, 9, 4};
    MaxPooling pool =
        new MaxPooling(new FeatureMap(2, 3, 1), new Window(2, 2, 1, 1, 0, 0, 0, 0, 1, 1), false);
    try (Guarded memory = new Guarded(0, true)) {
      MemorySegment argmax = memory.allocate(4);
      assertThat(forward(kernels, pool, x, argmax)).containsExactly(Float.NaN, Float.NaN);
      assertThat(backward(kernels, pool, new float[] {1, 10}, argmax))
          .containsExactly(0, 11, 0, 0, 0, 0);
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void aLargeWindowsPlacesTakeFourBytes(Kernels kernels) {
    MaxPooling pool = MaxPooling.global(new FeatureMap(30, 20, 2));
    assertThat(pool.placeBytes()).isEqualTo(4);
    float[] x = new float[1200];
    x[2 * 555] = 3;
    x[2 * 599 + 1] = 7;
    try (Guarded memory = new Guarded(0, true)) {
      MemorySegment argmax = memory.allocate(8);
      assertThat(forward(kernels, pool, x, argmax)).containsExactly(3, 7);
      float[] expected = new float[1200];
      expected[2 * 555] = 5;
      expected[2 * 599 + 1] = 6;
      assertThat(backward(kernels, pool, new float[] {5, 6}, argmax)).containsExactly(expected);
    }
  }
}
