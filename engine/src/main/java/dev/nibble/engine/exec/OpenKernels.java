package dev.nibble.engine.exec;

import dev.nibble.kernels.KernelSession;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Workload;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.Slab;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Kernels that were opened for a session, and the staging that they need. */
public final class OpenKernels implements AutoCloseable {
  private final @Nullable Slab staging;
  private final KernelSession session;

  private OpenKernels(@Nullable Slab staging, KernelSession session) {
    this.staging = staging;
    this.session = session;
  }

  /** Bytes that {@link #open} takes from the account. */
  public static long bytes(Kernels selected, Workload workload) {
    return Slab.sizeFor(selected.stagingBytes(workload));
  }

  /**
   * Allocates the staging, if there is any, and opens the kernels.
   *
   * @param selected what {@link Kernels#select} gave for the workload
   * @param workspace the region in which the buffers of all arguments lie
   * @throws dev.nibble.memory.MemoryLimitException if the account has less free than is needed
   * @throws dev.nibble.kernels.DeviceException if the device refuses something
   */
  @SuppressWarnings("MustBeClosedChecker") // owned, and closed, by what is returned
  public static OpenKernels open(
      Kernels selected, Workload workload, MemorySegment workspace, MemoryAccount account) {
    long bytes = bytes(selected, workload);
    if (bytes == 0) {
      return new OpenKernels(null, selected.open(workload, workspace, MemorySegment.NULL));
    }
    Slab staging = Slab.allocate(account, bytes, "staging of the kernels");
    try {
      return new OpenKernels(staging, selected.open(workload, workspace, staging.segment()));
    } catch (RuntimeException | Error e) {
      staging.close();
      throw e;
    }
  }

  /** The kernels to compute with. */
  public Kernels kernels() {
    return session.kernels();
  }

  /**
   * Closes the table, then frees the staging.
   *
   * @throws dev.nibble.kernels.DeviceException if the device refuses to free something; everything
   *     else is freed all the same
   */
  @Override
  public void close() {
    try {
      session.close();
    } finally {
      if (staging != null) {
        staging.close();
      }
    }
  }
}
