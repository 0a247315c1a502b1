package dev.nibble.engine.collective;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;

/** Workers that are threads of one process: they copy from each other's memory. */
public final class LocalCollective implements Collective {
  /** What all workers see. */
  private static final class Shared {
    final int size;
    final FirstCause cause = new FirstCause();

    /** How many waits each worker has come to. */
    final AtomicLongArray arrived;

    final AtomicIntegerArray left;

    /** By worker, the exchanges it has prepared; a worker adds to its own only. */
    final List<List<Prepared>> prepared = new ArrayList<>();

    Shared(int size) {
      this.size = size;
      this.arrived = new AtomicLongArray(size);
      this.left = new AtomicIntegerArray(size);
      for (int i = 0; i < size; i++) {
        prepared.add(new ArrayList<>());
      }
    }
  }

  private final Shared shared;
  private final int rank;
  private final Patience patience;

  private LocalCollective(Shared shared, int rank, Duration deadline) {
    this.shared = shared;
    this.rank = rank;
    this.patience = new Patience(deadline);
  }

  /**
   * Makes the workers, one for each thread.
   *
   * @param deadline how long one waits for the others at one place
   */
  public static List<Collective> of(int workers, Duration deadline) {
    if (workers < 1) {
      throw new IllegalArgumentException("There is at least one worker, not " + workers);
    }
    Shared shared = new Shared(workers);
    List<Collective> all = new ArrayList<>();
    for (int rank = 0; rank < workers; rank++) {
      all.add(new LocalCollective(shared, rank, deadline));
    }
    return List.copyOf(all);
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return shared.size;
  }

  @Override
  public Exchange prepare(String name, List<Piece> pieces) {
    List<Prepared> own = shared.prepared.get(rank);
    Prepared made = new Prepared(name, own.size(), List.copyOf(pieces));
    own.add(made);
    return made;
  }

  @Override
  public void fail(String cause) {
    shared.cause.offer("Worker %d of %d failed: %s".formatted(rank, shared.size, cause));
  }

  @Override
  public void check() {
    shared.cause.check();
  }

  @Override
  public void close() {
    shared.left.set(rank, 1);
  }

  private void await(String name) {
    long count = shared.arrived.incrementAndGet(rank);
    patience.begin();
    for (int peer = 0; peer < shared.size; peer++) {
      while (shared.arrived.get(peer) < count) {
        shared.cause.check();
        if (shared.left.get(peer) != 0) {
          stop("Worker %d of %d has left before the others were done.", peer);
        }
        if (!patience.pause()) {
          stop("Worker %d of %d did not come to " + name + " in time.", peer);
        }
      }
    }
  }

  private void stop(String sentence, int peer) {
    shared.cause.offer(sentence.formatted(peer, shared.size));
    shared.cause.check();
  }

  private final class Prepared implements Exchange {
    private final String name;
    private final int index;
    private final List<Piece> pieces;
    private MemorySegment @Nullable [][] sources;
    private final MemorySegment[][] targets;

    Prepared(String name, int index, List<Piece> pieces) {
      this.name = name;
      this.index = index;
      this.pieces = pieces;
      this.targets = new MemorySegment[shared.size][];
      for (int peer = 0; peer < shared.size; peer++) {
        targets[peer] = Piece.between(pieces, peer, rank).toArray(MemorySegment[]::new);
      }
    }

    /** The others' memory, which is known once all have come here for the first time. */
    private MemorySegment[][] resolve() {
      MemorySegment[][] found = new MemorySegment[shared.size][];
      for (int peer = 0; peer < shared.size; peer++) {
        Prepared other = shared.prepared.get(peer).get(index);
        found[peer] = Piece.between(other.pieces, peer, rank).toArray(MemorySegment[]::new);
        if (!other.name.equals(name) || found[peer].length != targets[peer].length) {
          throw new IllegalStateException(
              "Workers %d and %d have prepared different exchanges: %s and %s"
                  .formatted(rank, peer, name, other.name));
        }
      }
      return found;
    }

    @Override
    public void run() {
      await(name);
      MemorySegment[][] from = sources;
      if (from == null) {
        from = resolve();
        sources = from;
      }
      for (int peer = 0; peer < shared.size; peer++) {
        for (int i = 0; i < targets[peer].length; i++) {
          MemorySegment target = targets[peer][i];
          MemorySegment.copy(from[peer][i], 0, target, 0, target.byteSize());
        }
      }
      await(name);
    }
  }
}
