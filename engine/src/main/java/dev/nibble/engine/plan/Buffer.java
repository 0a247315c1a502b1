package dev.nibble.engine.plan;

import dev.nibble.memory.plan.BufferRequest;

/** One planned buffer, its life growing while the plan is made. */
public final class Buffer {
  /** What a buffer is for; decides under which heading it is summed. */
  public enum Kind {
    /** Parameters, their gradients, the optimiser's state, running statistics, kept weights. */
    WEIGHTS,
    /** Activations stored for the backward pass. */
    STORE,
    /** Common buffers: tensors of the forward pass, gradients of the backward pass. */
    COMMON,
    /** Batches that the loader prepares. */
    BATCH,
    /** Channel tables, partial sums and other small things. */
    OTHER
  }

  private final int index;
  private final String name;
  private final Kind kind;
  private final long bytes;
  private final int firstUse;
  private int lastUse;
  private int pendingReads;

  Buffer(int index, String name, Kind kind, long bytes, int firstUse) {
    this.index = index;
    this.name = name;
    this.kind = kind;
    this.bytes = bytes;
    this.firstUse = firstUse;
    this.lastUse = firstUse;
  }

  /** Position among the plan's requests. */
  public int index() {
    return index;
  }

  /** Name for people. */
  public String name() {
    return name;
  }

  /** What it is for. */
  public Kind kind() {
    return kind;
  }

  /** Size. */
  public long bytes() {
    return bytes;
  }

  /** Whether the buffer is in use when the other one is used first. */
  boolean livesAtBeginOf(Buffer other) {
    return firstUse <= other.firstUse && other.firstUse <= lastUse;
  }

  void use(int time) {
    lastUse = Math.max(lastUse, time);
  }

  void promiseRead() {
    pendingReads++;
  }

  void read(int time) {
    pendingReads--;
    use(time);
  }

  boolean isPending() {
    return pendingReads > 0;
  }

  BufferRequest request() {
    return new BufferRequest(name, bytes, firstUse, lastUse);
  }
}
