package dev.nibble.engine.collective;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;

/** Workers that are threads of one process: they copy from each other's memory. */
public final class LocalCollective implements Collective {
  /** What all workers see. */
  private static final class Shared {
    final int size;
    final FirstCause cause = new FirstCause();

    final AtomicIntegerArray left;

    /** By worker, the exchanges it has prepared; a worker adds to its own only. */
    final List<List<Prepared>> prepared = new ArrayList<>();

    Shared(int size) {
      this.size = size;
      this.left = new AtomicIntegerArray(size);
      for (int i = 0; i < size; i++) {
        prepared.add(new CopyOnWriteArrayList<>());
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
  public Exchange prepareBulk(String name, List<Piece> pieces) {
    return prepare(name, pieces);
  }

  @Override
  public void progress() {
    shared.cause.check(); // copies are made by who reads
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

  private void pause(String name, int peer) {
    shared.cause.check();
    if (shared.left.get(peer) != 0) {
      stop("Worker %d of %d has left before the others were done.", peer);
    }
    if (!patience.pause()) {
      stop("Worker %d of %d did not come to " + name + " in time.", peer);
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
    private final MemorySegment[][] targets;
    private Prepared @Nullable [] others;
    private final MemorySegment[][] sources;
    private long runs;

    /** How often it was begun, which its worker alone changes. */
    private volatile long begun;

    /** How often its worker has read what the others hand out. */
    private volatile long read;

    Prepared(String name, int index, List<Piece> pieces) {
      this.name = name;
      this.index = index;
      this.pieces = pieces;
      this.targets = new MemorySegment[shared.size][];
      this.sources = new MemorySegment[shared.size][];
      for (int peer = 0; peer < shared.size; peer++) {
        targets[peer] = Piece.between(pieces, peer, rank).toArray(MemorySegment[]::new);
      }
    }

    /** The others' ends, once they have prepared them. */
    private Prepared[] meet() {
      Prepared[] found = new Prepared[shared.size];
      for (int peer = 0; peer < shared.size; peer++) {
        List<Prepared> all = shared.prepared.get(peer);
        while (all.size() <= index) {
          pause(name, peer);
        }
        Prepared other = all.get(index);
        found[peer] = other;
        sources[peer] = Piece.between(other.pieces, peer, rank).toArray(MemorySegment[]::new);
        if (!other.name.equals(name) || sources[peer].length != targets[peer].length) {
          throw new IllegalStateException(
              "Workers %d and %d have prepared different exchanges: %s and %s"
                  .formatted(rank, peer, name, other.name));
        }
      }
      return found;
    }

    @Override
    public void begin() {
      if (runs != read) {
        throw new IllegalStateException(name + " is under way already");
      }
      shared.cause.check();
      runs++;
      begun = runs;
    }

    @Override
    public void await() {
      if (runs == read) {
        throw new IllegalStateException(name + " has not begun");
      }
      patience.begin();
      Prepared[] met = others;
      if (met == null) {
        met = meet();
        others = met;
      }
      for (int peer = 0; peer < shared.size; peer++) {
        while (met[peer].begun < runs) {
          pause(name, peer);
        }
        for (int i = 0; i < targets[peer].length; i++) {
          MemorySegment target = targets[peer][i];
          MemorySegment.copy(sources[peer][i], 0, target, 0, target.byteSize());
        }
      }
      read = runs;
      for (int peer = 0; peer < shared.size; peer++) {
        while (met[peer].read < runs) {
          pause(name, peer);
        }
      }
    }
  }
}
