package dev.nibble.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.memory.MemoryAccount;
import org.junit.jupiter.api.Test;

class InferenceTimingTest {
  @Test
  void timedCallsComputeWhatASessionComputes() {
    Kernels kernels = KernelProvider.choose("scalar");
    PredictorOptions options = PredictorOptions.defaults().withThreads(2);
    try (StepSession session = new StepSession("resnet8", 5, StoreFormat.NONE, 1, kernels);
        MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        Predictor predictor = InferenceTiming.predictor("resnet8", options, kernels, account)) {
      session.predict();
      float[] expected = session.session().logits().toArray(JAVA_FLOAT);
      float[] logits = new float[5 * 10];
      predictor.predict(InferenceTiming.pictures(5 * predictor.input().values()), 5, logits);
      for (int i = 0; i < logits.length; i++) {
        assertThat(logits[i]).isCloseTo(expected[i], within(1e-4f));
      }
      assertThat(logits[0]).isNotZero();
    }
  }
}
