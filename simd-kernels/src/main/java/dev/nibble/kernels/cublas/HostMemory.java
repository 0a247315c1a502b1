package dev.nibble.kernels.cublas;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** Memory of the host that the device reads and writes by its address. */
final class HostMemory {
  private HostMemory() {}

  /** The address of a range in memory that is off-heap, alive and this thread's to use. */
  static long address(MemorySegment host, long offset, long bytes) {
    Objects.checkFromIndexSize(offset, bytes, host.byteSize());
    if (!host.isNative()) {
      throw new IllegalArgumentException("The host memory must lie off-heap");
    }
    if (!host.scope().isAlive() || !host.isAccessibleBy(Thread.currentThread())) {
      throw new IllegalStateException("The host memory is closed, or another thread's alone");
    }
    return host.address() + offset;
  }
}
