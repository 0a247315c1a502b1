package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.bench.BenchmarkCase.Kind;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Runs JMH for a moment, in JVMs of its own. */
class CaseRunnerTest {
  private static final Effort SHORT = new Effort(0, 1, 0.1, 1, 0.1);

  private static BenchmarkCase codes(String store) {
    Map<String, String> params = Map.of("store", store, "pictures", "1");
    StageWork work = new StageWork(0, 8192);
    return new BenchmarkCase(
        Kind.CODES, store + " pack", "CodeBenchmark.pack", params, 1, work, SHORT, 0);
  }

  @Test
  void measuresTimeAndAllocation() {
    Measurement measurement = CaseRunner.run(codes("INT4"));
    assertThat(measurement.seconds()).isBetween(1e-8, 60.0);
    assertThat(measurement.allocatedBytes()).isNotNegative();
    assertThat(measurement.profiledBytes()).isNotNegative();
    assertThat(measurement.valuesPerSecond()).isEqualTo(16_384 / measurement.seconds());
  }

  @Test
  void aFailureSaysWhatJmhSaid() {
    assertThatThrownBy(() -> CaseRunner.run(codes("FLOAT7")))
        .isInstanceOf(BenchmarkFailedException.class)
        .hasMessageContaining("FLOAT7")
        .hasMessageContaining("codes");
  }
}
