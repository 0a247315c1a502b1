package dev.nibble.kernels.cublas;

/** The lanes of a session that no thread computes with at the moment. */
final class LanePool {
  private final Lane[] free;
  private int count;
  private boolean closed;

  LanePool(Lane[] lanes) {
    free = lanes.clone();
    count = lanes.length;
  }

  /** Takes a lane for the calling thread. */
  synchronized Lane claim() {
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
  synchronized void release(Lane lane) {
    free[count++] = lane;
    notifyAll();
  }

  /**
   * Hands out no more lanes and waits for those in use: what a device reads and writes must not be
   * freed under it, whichever thread closes the session and when.
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
