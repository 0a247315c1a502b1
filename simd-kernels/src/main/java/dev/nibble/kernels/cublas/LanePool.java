package dev.nibble.kernels.cublas;

/** The lanes of a session that no thread computes with at the moment. */
final class LanePool {
  private final Lane[] free;
  private int count;

  LanePool(Lane[] lanes) {
    free = lanes.clone();
    count = lanes.length;
  }

  /** Takes a lane for the calling thread. */
  synchronized Lane claim() {
    if (count == 0) {
      throw new IllegalStateException(
          "More threads compute than the " + free.length + " that the session was opened for");
    }
    return free[--count];
  }

  /** Gives it back. */
  synchronized void release(Lane lane) {
    free[count++] = lane;
  }
}
