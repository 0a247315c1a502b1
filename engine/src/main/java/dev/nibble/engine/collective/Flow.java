package dev.nibble.engine.collective;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.List;

/** One direction of an exchange with one other worker: a header, then the pieces. */
final class Flow {
  static final int HEADER = 16;

  private final int index;
  private final int sender;
  private final MemorySegment[] pieces;
  private final boolean used;
  private long runs;
  private boolean headed;
  private int piece;
  private long at;
  private boolean done = true;

  /**
   * Prepares it.
   *
   * @param index of the exchange, the same at both ends
   * @param sender the worker whose bytes they are
   * @param always whether the header goes alone where there are no bytes
   */
  Flow(int index, int sender, List<MemorySegment> memory, boolean always) {
    this.index = index;
    this.sender = sender;
    this.pieces = memory.toArray(MemorySegment[]::new);
    this.used = always || pieces.length > 0;
  }

  /** Whether it has anything to move. */
  boolean isUsed() {
    return used;
  }

  /** Begins anew. */
  void begin() {
    runs++;
    headed = false;
    piece = 0;
    at = 0;
    done = false;
  }

  /** Whether all bytes have left, or are here. */
  boolean isDone() {
    return done;
  }

  void setDone() {
    done = true;
  }

  boolean isHeaded() {
    return headed;
  }

  void putHeader(ByteBuffer buffer) {
    buffer.putInt(index).putInt(sender).putLong(runs);
    headed = true;
  }

  /** Reads the header at the buffer's position; whether it is this flow's. */
  boolean takeHeader(ByteBuffer buffer) {
    headed = true;
    int its = buffer.getInt();
    int from = buffer.getInt();
    long time = buffer.getLong();
    return its == index && from == sender && time == runs;
  }

  /** Whether all bytes have been copied. */
  boolean isCopied() {
    return piece == pieces.length;
  }

  /**
   * Moves bytes between the pieces and a staging buffer.
   *
   * @return how many
   */
  int copy(MemorySegment staging, int offset, int end, boolean out) {
    int position = offset;
    while (position < end && piece < pieces.length) {
      MemorySegment segment = pieces[piece];
      long step = Math.min(end - position, segment.byteSize() - at);
      if (out) {
        MemorySegment.copy(segment, at, staging, position, step);
      } else {
        MemorySegment.copy(staging, position, segment, at, step);
      }
      position += (int) step;
      at += step;
      if (at == segment.byteSize()) {
        piece++;
        at = 0;
      }
    }
    return position - offset;
  }
}
