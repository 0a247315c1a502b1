package dev.nibble.kernels.cublas;

/** Bytes from an address on, of the device or of the host: their addresses do not meet. */
record StandInRange(long from, long bytes) {
  boolean meets(StandInRange other) {
    return bytes > 0
        && other.bytes > 0
        && from < other.from + other.bytes
        && other.from < from + bytes;
  }

  boolean holds(StandInRange other) {
    return from <= other.from && other.from + other.bytes <= from + bytes;
  }

  @Override
  public String toString() {
    return "[%x, +%d)".formatted(from, bytes);
  }
}
