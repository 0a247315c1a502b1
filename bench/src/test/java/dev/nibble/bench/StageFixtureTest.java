package dev.nibble.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.provider.KernelProvider;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class StageFixtureTest {
  @ParameterizedTest
  @EnumSource(
      value = StoreFormat.class,
      names = {"FP32", "INT8", "INT4", "INT2"})
  void benchmarkedStagesComputeWhatTheSpecificationDoes(StoreFormat store) {
    compare("9x7x20-3x3-s2-18", store);
  }

  @ParameterizedTest
  @CsvSource({
    "8x8x16-3x3-s1-16, INT4",
    "8x8x64-1x1-s1-16, INT4",
    "8x8x16-1x1-s1-64, INT4",
    "8x8x32-3x3-s1-dw, INT4",
    "8x8x3-3x3-s1-16, KEPT",
    "1x1x64-1x1-s1-10, KEPT"
  })
  void soDoAllKindsOfThem(String shape, StoreFormat store) {
    compare(shape, store);
  }

  private static void compare(String shape, StoreFormat store) {
    Operator operator = StageShape.parse(shape).operator();
    Kernels best = KernelProvider.choose("auto");
    Kernels scalar = KernelProvider.choose("scalar");
    try (StageFixture measured = new StageFixture(best, operator, store, 3);
        StageFixture specified = new StageFixture(scalar, operator, store, 3)) {
      assertThat(measured.forward()).isNotZero();
      specified.forward();
      long y = 3 * operator.output().bytes();
      compare(measured.forwardArgs().y(), specified.forwardArgs().y(), y, 1e-4f);
      assertThat(measured.backward()).isNotZero();
      specified.backward();
      MemorySegment gradients = Objects.requireNonNull(measured.backwardArgs().gradients());
      MemorySegment scalars = Objects.requireNonNull(specified.backwardArgs().gradients());
      compare(gradients, scalars, 4L * operator.weights(), 1e-3f);
      MemorySegment dx = measured.backwardArgs().dx();
      MemorySegment expected = specified.backwardArgs().dx();
      assertThat(dx == null).isEqualTo(expected == null);
      if (dx != null && expected != null) {
        compare(dx, expected, 3 * operator.input().bytes(), 1e-4f);
      }
    }
  }

  private static void compare(
      MemorySegment actual, MemorySegment expected, long bytes, float tolerance) {
    float largest = 0;
    for (long at = 0; at < bytes; at += 4) {
      float value = actual.get(JAVA_FLOAT, at);
      assertThat(value)
          .as("byte %d", at)
          .isCloseTo(
              expected.get(JAVA_FLOAT, at), Offset.offset(tolerance * (1 + Math.abs(value))));
      largest = Math.max(largest, Math.abs(value));
    }
    assertThat(largest).isGreaterThan(0.01f);
  }

  @Test
  void theFirstLayersInputGetsNoGradient() {
    Operator stem = StageShape.parse("8x8x3-3x3-s1-16").operator();
    try (StageFixture fixture =
        new StageFixture(KernelProvider.choose("scalar"), stem, StoreFormat.KEPT, 1)) {
      assertThat(fixture.backwardArgs().dx()).isNull();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "32x32x16-3x3-s1-16",
        "8x8x256-1x1-s1-64",
        "32x32x64-3x3-s1-dw",
        "1x1x64-1x1-s1-10"
      })
  void shapesReadAsTheyPrint(String text) {
    assertThat(StageShape.parse(text)).hasToString(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "32x32x16", "32x32x16-3x1-s1-16", "32x32x16-3x3-s1-xx", "32x32x16-3x3-1-16"})
  void otherTextIsNoShape(String text) {
    org.assertj.core.api.Assertions.assertThatIllegalArgumentException()
        .isThrownBy(() -> StageShape.parse(text))
        .withMessageContaining("32x32x16-3x3-s1-16");
  }
}
