package dev.nibble.bench;

/**
 * What one benchmark case gave.
 *
 * @param benchmark what was measured
 * @param seconds mean seconds of a call
 * @param error half the width of the mean's 99.9 % confidence interval in seconds; NaN where too
 *     few iterations tell nothing
 * @param allocatedBytes heap bytes that a call allocated on all threads; NaN where not counted
 * @param profiledBytes the same as JMH's allocation profiler has it, which counts JMH's own, too
 */
record Measurement(
    BenchmarkCase benchmark,
    double seconds,
    double error,
    double allocatedBytes,
    double profiledBytes) {
  double gflops() {
    return benchmark.work().flops() / seconds / 1e9;
  }

  double gigabytesPerSecond() {
    return benchmark.work().bytes() / seconds / 1e9;
  }

  /** Activations packed or unpacked a second, for benchmarks of codes. */
  double valuesPerSecond() {
    String pictures = benchmark.param("pictures");
    return pictures == null
        ? Double.NaN
        : (double) benchmark.threads()
            * CodeFixture.MAP.values()
            * Integer.parseInt(pictures)
            / seconds;
  }
}
