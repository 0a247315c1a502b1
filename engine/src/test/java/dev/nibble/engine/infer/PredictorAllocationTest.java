package dev.nibble.engine.infer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.exec.HeapMeter;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** In the steady state a call allocates nothing, neither on the heap nor off it. */
class PredictorAllocationTest {
  private static final int ROUND = 50;
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  /** What the compiler's and other threads of the JVM may allocate, over a whole round. */
  private static final long NOISE = 1024;

  private static PredictorOptions options(int threads) {
    return PredictorFixture.options(threads, 2)
        .withNormalization(new float[3], new float[] {1, 1, 1}, false);
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "1, 9", "2, 1", "2, 16"})
  void aCallAllocatesNothing(int threads, int count) throws ReflectiveOperationException {
    try (PredictorFixture test =
        new PredictorFixture(PredictorFixture.shortNetwork(), options(threads))) {
      float[] pictures = test.pictures(count, 1);
      byte[] bytes = new byte[pictures.length];
      float[] logits = new float[count * 16];
      long used = test.predictor().usedBytes();
      long direct = HeapMeter.directBytes();
      long least =
          leastBytesARound(
              () -> {
                test.predictor().predict(pictures, count, logits);
                test.predictor().predictBytes(bytes, count, logits);
              });
      assertThat(least).as("heap bytes of %d calls", 2 * ROUND).isLessThan(NOISE);
      assertThat(HeapMeter.directBytes()).as("off-heap bytes").isEqualTo(direct);
      assertThat(test.predictor().usedBytes()).isEqualTo(used);
    }
  }

  @Test
  void callsThatWaitForEachOtherAllocateNothing() throws Exception {
    try (PredictorFixture test =
        new PredictorFixture(PredictorFixture.shortNetwork(), options(1))) {
      float[] pictures = test.pictures(6, 1);
      AtomicBoolean stop = new AtomicBoolean();
      Thread other =
          Thread.ofPlatform()
              .start(
                  () -> {
                    float[] logits = new float[6 * 16];
                    while (!stop.get()) {
                      test.predictor().predict(pictures, 6, logits);
                    }
                  });
      float[] logits = new float[6 * 16];
      try {
        assertThat(leastBytesARound(() -> test.predictor().predict(pictures, 6, logits)))
            .as("heap bytes of %d calls and as many of the other thread", ROUND)
            .isLessThan(NOISE);
      } finally {
        stop.set(true);
        other.join();
      }
    }
  }

  /** Rounds are run until one is free of what is not compiled yet, as in a training step's test. */
  private static long leastBytesARound(Runnable call) throws ReflectiveOperationException {
    HeapMeter meter = new HeapMeter();
    long least = Long.MAX_VALUE;
    long start = System.nanoTime();
    while (least >= NOISE && System.nanoTime() - start < PATIENCE.toNanos()) {
      long before = meter.allocatedBytes();
      for (int i = 0; i < ROUND; i++) {
        call.run();
      }
      least = Math.min(least, meter.allocatedBytes() - before);
    }
    return least;
  }
}
