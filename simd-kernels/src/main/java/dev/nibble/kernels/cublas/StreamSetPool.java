package dev.nibble.kernels.cublas;

/** The sets of streams of a session that no thread computes with at the moment. */
final class StreamSetPool {
  private final StreamSet[] free;
  private int count;
  private boolean closed;

  StreamSetPool(StreamSet[] sets) {
    free = sets.clone();
    count = sets.length;
  }

  /** Takes a set of streams for the calling thread. */
  synchronized StreamSet claim() {
    if (closed) {
      throw new IllegalStateException("The session is closed");
    }
    if (count == 0) {
      throw new IllegalStateException(
          "More threads compute than the " + free.length + " that the session was opened for");
    }
    return free[--count];
  }

  /** Gives it back. */
  synchronized void release(StreamSet set) {
    free[count++] = set;
    notifyAll();
  }

  /**
   * Hands out no more sets of streams and waits for those in use: what a device reads and writes
   * must not be freed under it, whichever thread closes the session and when.
   */
  synchronized void close() {
    closed = true;
    boolean interrupted = false;
    while (count < free.length) {
      try {
        wait();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
