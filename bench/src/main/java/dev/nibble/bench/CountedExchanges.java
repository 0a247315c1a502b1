package dev.nibble.bench;

import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.Exchange;
import dev.nibble.engine.collective.Piece;
import java.util.ArrayList;
import java.util.List;

/** A worker that counts what it would send in a step, and exchanges nothing. */
final class CountedExchanges implements Collective {
  private final int rank;
  private final int size;
  private final List<Sent> sent = new ArrayList<>();

  /**
   * What it sends in one exchange.
   *
   * @param name of the exchange
   * @param bulk whether it travels while the workers compute; else they wait for it
   * @param bytes to all others
   */
  record Sent(String name, boolean bulk, double bytes) {}

  CountedExchanges(int rank, int size) {
    this.rank = rank;
    this.size = size;
  }

  /** In the order in which they are prepared: the stages from the first to the last. */
  List<Sent> sent() {
    return List.copyOf(sent);
  }

  private Exchange count(String name, List<Piece> pieces, boolean bulk) {
    long bytes =
        pieces.stream()
            .filter(piece -> piece.owner() == rank && piece.reader() != rank)
            .mapToLong(piece -> piece.memory().byteSize())
            .sum();
    sent.add(new Sent(name, bulk, bytes));
    return new Nothing();
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
    return count(name, pieces, false);
  }

  @Override
  public Exchange prepareBulk(String name, List<Piece> pieces) {
    return count(name, pieces, true);
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
