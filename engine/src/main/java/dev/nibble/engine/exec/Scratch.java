package dev.nibble.engine.exec;

import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Stage;
import dev.nibble.memory.MemoryAccount;

/**
 * The heap arrays that kernels work in: one a thread, and the packed weights of the stage at hand.
 * They lie on the heap because register tiles over arrays compile better than over segments.
 */
final class Scratch implements AutoCloseable {
  private static final String PURPOSE = "scratch of the threads";

  private final MemoryAccount account;
  private final long bytes;
  private final float[][] threads;
  private final float[] packed;

  Scratch(ExecutionPlan plan, Kernels kernels, int count, MemoryAccount account) {
    this.account = account;
    this.bytes = bytes(plan, kernels, count);
    account.reserve(bytes, PURPOSE);
    try {
      this.threads = new float[count][threadFloats(plan, kernels)];
      this.packed = new float[packedFloats(plan, kernels)];
    } catch (RuntimeException | Error e) {
      account.release(bytes, PURPOSE); // a heap that is too small must not look like a leak
      throw e;
    }
  }

  /** Bytes of scratch for that many threads. */
  static long bytes(ExecutionPlan plan, Kernels kernels, int count) {
    return 4L * count * threadFloats(plan, kernels) + 4L * packedFloats(plan, kernels);
  }

  private static int threadFloats(ExecutionPlan plan, Kernels kernels) {
    int most = 0;
    for (int i = 0; i < plan.graph().stages().size(); i++) {
      most = Math.max(most, kernels.scratchFloats(plan.stage(i)));
    }
    return most;
  }

  private static int packedFloats(ExecutionPlan plan, Kernels kernels) {
    int most = 0;
    for (int i = 0; i < plan.graph().stages().size(); i++) {
      Stage stage = plan.stage(i);
      most = Math.max(most, kernels.packedFloats(stage));
    }
    return most;
  }

  float[] thread(int worker) {
    return threads[worker];
  }

  float[] packed() {
    return packed;
  }

  @Override
  public void close() {
    account.release(bytes, PURPOSE);
  }
}
