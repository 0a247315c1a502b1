package dev.nibble.engine.collective;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Workers that compute one training run together, and what they exchange.
 *
 * <p>Every worker prepares the same exchanges in the same order, then begins them, and awaits them,
 * in the same order: one that runs is one that all run. Several may be under way at a time. Running
 * allocates nothing. No wait is without an end: a worker that fails, leaves or falls silent ends
 * the waits of all others, and every one of them is told the first cause.
 *
 * <p>One thread prepares and runs; any thread may call {@link #fail}.
 */
public interface Collective extends AutoCloseable {
  /** This worker, 0 to {@link #size} - 1. */
  int rank();

  /** Workers. */
  int size();

  /**
   * Prepares an exchange.
   *
   * @param name for people: what is exchanged
   * @param pieces what this worker hands to others or gets from them, both ends in the same order;
   *     those of others are ignored. Memory lies off the heap and outlives the exchange
   */
  Exchange prepare(String name, List<Piece> pieces);

  /**
   * Prepares an exchange of many bytes that are not needed at once: those that are begun later by
   * {@link #prepare} need not wait for them.
   *
   * @param name as there
   * @param pieces as there
   */
  Exchange prepareBulk(String name, List<Piece> pieces);

  /**
   * Moves what can be moved of the exchanges under way, without waiting: to be called now and then
   * while a worker computes; seldom does more than look at a clock.
   *
   * @throws CollectiveException if a worker is gone
   */
  void progress();

  /**
   * Tells every worker that this one has failed, unless one has before.
   *
   * @param cause one sentence
   */
  void fail(String cause);

  /**
   * Throws if a worker has failed.
   *
   * @throws CollectiveException saying who, and why
   */
  void check();

  /** Leaves: whoever waits for this worker from now on is told that it has left. */
  @Override
  void close();

  /** Hands every worker's memory to all others. */
  default Exchange allGather(String name, List<MemorySegment> byRank) {
    List<Piece> pieces = new ArrayList<>();
    for (int owner = 0; owner < size(); owner++) {
      pieces.addAll(Piece.toAll(owner, size(), byRank.get(owner)));
    }
    return prepare(name, pieces);
  }

  /** Hands one worker's memory to all others. */
  default Exchange broadcast(String name, int owner, MemorySegment memory) {
    return prepare(name, Piece.toAll(owner, size(), memory));
  }

  /** Waits until all workers have come to the same place. */
  default Exchange barrier(String name) {
    return prepare(name, List.of());
  }
}
