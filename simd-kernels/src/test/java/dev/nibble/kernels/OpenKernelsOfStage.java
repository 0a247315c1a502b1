package dev.nibble.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collections;

/** Kernels opened for one stage, with staging of exactly the size asked for. */
final class OpenKernelsOfStage implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final KernelSession session;

  /**
   * Opens it.
   *
   * @param weights how many sets of weights the stage is run with
   */
  OpenKernelsOfStage(Kernels kernels, Stage stage, int batch, int shards, int weights) {
    Workload workload =
        new Workload(Collections.nCopies(weights, stage), Math.max(1, batch), shards, 1);
    try {
      Kernels selected = kernels.select(workload);
      MemorySegment staging = arena.allocate(selected.stagingBytes(workload), 64);
      session = selected.open(workload, MemorySegment.NULL, staging);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  Kernels kernels() {
    return session.kernels();
  }

  @Override
  public void close() {
    try (arena) {
      session.close();
    }
  }
}
