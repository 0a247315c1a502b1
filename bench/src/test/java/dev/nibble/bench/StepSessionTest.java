package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.provider.KernelProvider;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class StepSessionTest {
  @Test
  void timedStepsTrain() {
    try (StepSession session =
        new StepSession("resnet8", 8, StoreFormat.INT4, 1, KernelProvider.choose("scalar"))) {
      double first = session.step();
      double last = first;
      for (int i = 0; i < 10; i++) {
        last = session.step();
      }
      assertThat(first).isBetween(1.5, 5.0);
      assertThat(last).isLessThan(first);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = StoreFormat.class,
      names = {"FP32", "INT8", "INT4", "INT2"})
  void timedStepsComputeWhatTheSpecificationDoes(StoreFormat store) {
    Kernels best = KernelProvider.choose("auto");
    Kernels scalar = KernelProvider.choose("scalar");
    try (StepSession measured = new StepSession("resnet8", 4, store, 2, best);
        StepSession specified = new StepSession("resnet8", 4, store, 1, scalar)) {
      for (int step = 0; step < 3; step++) {
        assertThat(measured.step()).isCloseTo(specified.step(), Offset.offset(2e-3));
      }
    }
  }

  @Test
  void timedPredictionsDependOnTheWeights() {
    try (StepSession session =
        new StepSession("resnet8", 4, StoreFormat.NONE, 1, KernelProvider.choose("scalar"))) {
      float before = session.predict();
      assertThat(session.predict()).isEqualTo(before);
      session.session().weights().fill((byte) 0);
      assertThat(session.predict()).isZero().isNotEqualTo(before);
    }
  }
}
