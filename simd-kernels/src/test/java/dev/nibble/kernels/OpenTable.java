package dev.nibble.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collections;

/** A table opened for one stage, with staging of exactly the size asked for. */
final class OpenTable implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final KernelSession session;

  /**
   * Opens it.
   *
   * @param weights how many sets of weights the stage is run with
   */
  OpenTable(Kernels kernels, Stage stage, int batch, int shards, int weights) {
    Workload workload =
        new Workload(Collections.nCopies(weights, stage), Math.max(1, batch), shards, 1);
    try {
      Kernels table = kernels.select(workload);
      MemorySegment staging = arena.allocate(table.stagingBytes(workload), 64);
      session = table.open(workload, MemorySegment.NULL, staging);
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
