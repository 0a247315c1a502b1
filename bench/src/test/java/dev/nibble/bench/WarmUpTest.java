package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.bench.BenchmarkCase.Kind;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class WarmUpTest {
  private static final int ALLOCATING = 40;
  private static final int SLOW = 45;

  private byte[] kept = {};

  /** Like code that is compiled in two steps: it stops allocating, then it gets faster. */
  @Test
  void goesOnWhileCallsAllocateOrGetFaster() {
    AtomicInteger calls = new AtomicInteger();
    WarmUp.untilCompiled(
        () -> {
          int call = calls.incrementAndGet();
          if (call <= ALLOCATING) {
            kept = new byte[1 << 20];
          }
          LockSupport.parkNanos(call <= SLOW ? 40_000_000 : 5_000_000);
        });
    assertThat(kept).isNotEmpty();
    assertThat(calls.get()).isGreaterThan(SLOW);
  }

  @Test
  void aMeasurementOfWhatAllocatesIsNone() {
    BenchmarkCase benchmark =
        new BenchmarkCase(
            Kind.STAGE,
            "s",
            "StageBenchmark.forward",
            Map.of(),
            1,
            new StageWork(1, 1),
            new Effort(0, 1, 1, 1, 1),
            0);
    assertThat(WarmUp.stillCompiling(new Measurement(benchmark, 1, 0, 215e6, 0))).isTrue();
    assertThat(WarmUp.stillCompiling(new Measurement(benchmark, 1, 0, 24, 5000))).isFalse();
    assertThat(WarmUp.stillCompiling(new Measurement(benchmark, 1, 0, Double.NaN, 0))).isFalse();
  }
}
