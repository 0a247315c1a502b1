package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.provider.KernelProvider;
import org.junit.jupiter.api.Test;

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
