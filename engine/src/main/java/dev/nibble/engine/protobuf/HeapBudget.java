package dev.nibble.engine.protobuf;

/** What a file may still put on the heap; without a bound, a few bytes in it become hundreds. */
public final class HeapBudget {
  private static final long MOST = 256L << 20;

  private final long most;
  private long left;

  /** A budget of this many bytes. */
  public HeapBudget(long most) {
    this.most = most;
    left = most;
  }

  /** An eighth of the largest heap, 256 MiB at most: many times what the largest models need. */
  public static HeapBudget usual() {
    return new HeapBudget(Math.min(MOST, Runtime.getRuntime().maxMemory() / 8));
  }

  /**
   * Takes some of what is left.
   *
   * @throws ProtobufException if that is less
   */
  public void take(long bytes) {
    if (bytes > left) {
      throw new ProtobufException(
          "what it holds beside its data needs over %d MiB of heap".formatted(most >> 20));
    }
    left -= bytes;
  }
}
