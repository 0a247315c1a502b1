package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.memory.MemoryAccount;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class InferenceBenchmarkTest {
  @Test
  void callsComputeWhatTheSpecificationDoes() {
    InferenceBenchmark benchmark = new InferenceBenchmark();
    benchmark.model = "resnet8";
    benchmark.batch = 3;
    HeapCounter heap = new HeapCounter();
    benchmark.open();
    float measured;
    try {
      measured = benchmark.predict(heap);
    } finally {
      benchmark.close();
    }
    assertThat(heap.heapCalls).isOne();
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        Predictor scalar =
            InferenceTiming.predictor(
                "resnet8",
                PredictorOptions.defaults().withThreads(1),
                KernelProvider.choose("scalar"),
                account)) {
      float[] logits = new float[3 * scalar.classes()];
      scalar.predict(InferenceTiming.pictures(3 * scalar.input().values()), 3, logits);
      assertThat(measured).isNotZero().isCloseTo(logits[0], Offset.offset(1e-3f));
    }
  }
}
