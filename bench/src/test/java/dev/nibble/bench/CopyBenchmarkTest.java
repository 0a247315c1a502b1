package dev.nibble.bench;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class CopyBenchmarkTest {
  @Test
  void copiesHalfOfTheBytesThatItClaims() {
    CopyBenchmark benchmark = new CopyBenchmark();
    benchmark.open();
    try {
      MemorySegment target = benchmark.copy();
      assertThat(2 * target.byteSize()).isEqualTo(CopyBenchmark.BYTES);
      assertThat(target.byteSize()).isGreaterThanOrEqualTo(256L << 20);
      assertThat(target.get(JAVA_BYTE, 0)).isEqualTo((byte) 1);
      assertThat(target.get(JAVA_BYTE, target.byteSize() - 1)).isEqualTo((byte) 1);
    } finally {
      benchmark.close();
    }
  }
}
