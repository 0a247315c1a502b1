package dev.nibble.engine.collective;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A run of bytes that goes from one worker to another.
 *
 * @param owner whose memory is read
 * @param reader whose memory is written
 * @param memory this worker's: what is read, or where it is written
 */
public record Piece(int owner, int reader, MemorySegment memory) {
  /** One for every worker but the owner. */
  public static List<Piece> toAll(int owner, int workers, MemorySegment memory) {
    List<Piece> pieces = new ArrayList<>();
    for (int reader = 0; reader < workers; reader++) {
      if (reader != owner) {
        pieces.add(new Piece(owner, reader, memory));
      }
    }
    return pieces;
  }

  /** The memory of those that go from one worker to another, in their order. */
  static List<MemorySegment> between(List<Piece> pieces, int owner, int reader) {
    return pieces.stream()
        .filter(p -> p.owner() == owner && p.reader() == reader && p.memory().byteSize() > 0)
        .map(Piece::memory)
        .toList();
  }
}
