package dev.nibble.bench;

/**
 * What the machine can do at most, as measured in the same run.
 *
 * @param threads threads of the run
 * @param gflops fused multiply-adds in registers on all threads, in 10^9 floating-point operations
 *     a second
 * @param gigabytes a copy from memory to memory by all threads or by one, whichever is faster, read
 *     and written, in 10^9 bytes a second
 * @param gigabytesAlone the copy by one thread
 */
record Roofs(int threads, double gflops, double gigabytes, double gigabytesAlone) {
  /** The compute roof of one thread, all of them running. */
  double gflopsPerThread() {
    return gflops / threads;
  }

  /** The compute roof of so many threads. */
  double gflops(int count) {
    return gflopsPerThread() * count;
  }

  /** The bandwidth roof of one thread alone or of all. */
  double gigabytes(int count) {
    return count == 1 ? gigabytesAlone : gigabytes;
  }
}
