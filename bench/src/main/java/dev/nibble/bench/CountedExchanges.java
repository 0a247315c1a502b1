package dev.nibble.bench;

import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.Exchange;
import dev.nibble.engine.collective.Piece;
import java.util.List;

/** A worker that counts what it would send in a step, and exchanges nothing. */
final class CountedExchanges implements Collective {
  private final int rank;
  private final int size;
  private int awaited;
  private long awaitedBytes;
  private int bulk;
  private long bulkBytes;

  CountedExchanges(int rank, int size) {
    this.rank = rank;
    this.size = size;
  }

  /** Exchanges that the workers wait for where they are begun. */
  int awaited() {
    return awaited;
  }

  long awaitedBytes() {
    return awaitedBytes;
  }

  /** Exchanges that travel while the workers compute. */
  int bulk() {
    return bulk;
  }

  long bulkBytes() {
    return bulkBytes;
  }

  private long sent(List<Piece> pieces) {
    return pieces.stream()
        .filter(piece -> piece.owner() == rank && piece.reader() != rank)
        .mapToLong(piece -> piece.memory().byteSize())
        .sum();
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public Exchange prepare(String name, List<Piece> pieces) {
    awaited++;
    awaitedBytes += sent(pieces);
    return new Nothing();
  }

  @Override
  public Exchange prepareBulk(String name, List<Piece> pieces) {
    bulk++;
    bulkBytes += sent(pieces);
    return new Nothing();
  }

  @Override
  public void progress() {
    // nothing is under way
  }

  @Override
  public void fail(String cause) {
    throw new IllegalStateException(cause);
  }

  @Override
  public void check() {
    // nothing fails
  }

  @Override
  public void close() {
    // nothing is open
  }

  private static final class Nothing implements Exchange {
    @Override
    public void begin() {
      // nothing is sent
    }

    @Override
    public void await() {
      // nothing comes
    }
  }
}
