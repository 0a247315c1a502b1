package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.provider.KernelProvider;
import org.assertj.core.data.Offset;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class StageFixtureTest {
  @ParameterizedTest
  @EnumSource(
      value = StoreFormat.class,
      names = {"FP32", "INT8", "INT4", "INT2"})
  void benchmarkedStagesComputeWhatTheSpecificationDoes(StoreFormat store) {
    Convolution convolution = StageShape.parse("9x7x20-3x3-s2-18").convolution();
    Kernels best = KernelProvider.choose("auto");
    Kernels scalar = KernelProvider.choose("scalar");
    try (StageFixture measured = new StageFixture(best, convolution, store, 3);
        StageFixture specified = new StageFixture(scalar, convolution, store, 3)) {
      assertThat(measured.forward()).isNotZero();
      assertThat(measured.forward()).isCloseTo(specified.forward(), Offset.offset(1e-4f));
      assertThat(measured.backward()).isNotZero();
      assertThat(measured.backward()).isCloseTo(specified.backward(), Offset.offset(1e-3f));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"32x32x16-3x3-s1-16", "8x8x256-1x1-s1-64"})
  void shapesReadAsTheyPrint(String text) {
    assertThat(StageShape.parse(text)).hasToString(text);
  }
}
