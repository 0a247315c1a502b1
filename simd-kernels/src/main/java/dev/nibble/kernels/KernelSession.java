package dev.nibble.kernels;

/**
 * Kernels made ready for one session, with all that they hold for it: streams, device memory,
 * registered host memory.
 */
public interface KernelSession extends AutoCloseable {
  /** The kernels to compute with, until the session is closed. */
  Kernels kernels();

  /**
   * Waits for what is under way and frees everything, in order; does nothing the second time. What
   * can be freed is freed even if a part of it fails.
   *
   * @throws DeviceException if a device refuses to free something: the first refusal, the others
   *     suppressed
   */
  @Override
  void close();

  /** The session of kernels that hold nothing. */
  static KernelSession of(Kernels kernels) {
    return new KernelSession() {
      @Override
      public Kernels kernels() {
        return kernels;
      }

      @Override
      public void close() {}
    };
  }
}
