package dev.nibble.bench;

/**
 * The memory of a training step, known from its plan before it runs.
 *
 * @param planBytes what the session takes: the plan's slab and the threads' scratch
 * @param movedBytes what its kernels read from planned buffers and write to them
 * @param minimumBytes the least that the plan allows: each buffer once a stage and direction
 */
record StepMemory(long planBytes, long movedBytes, long minimumBytes) {
  private static final double MIB = 1 << 20;

  double planMib() {
    return planBytes / MIB;
  }

  double movedMib() {
    return movedBytes / MIB;
  }

  double minimumMib() {
    return minimumBytes / MIB;
  }
}
