package dev.nibble.engine.collective;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Workers that {@code mpirun} has started, which exchange through the system's MPI.
 *
 * <p>MPI itself watches the processes: when one ends, {@code mpirun} ends the others. So a worker
 * that fails says why and, as its JVM ends, aborts the job. MPI begins once a process, and ends
 * with it.
 */
public final class MpiCollective implements Collective {
  /** Bytes of one message: MPI counts them in an int. */
  private static final long MOST = 1 << 30;

  // So that bulk does not hold up what is waited for.
  private static final int DATA_TAG = 7;
  private static final int BULK_TAG = 8;

  /** How often one that computes looks after what is under way. */
  private static final long PROGRESS_NANOS = 200_000;

  private final Mpi mpi;
  private final int rank;
  private final int size;
  private final Patience patience;
  private final FirstCause cause = new FirstCause();
  private final Arena arena = Arena.ofShared();
  private final MemorySegment flag;
  private final AtomicBoolean aborts = new AtomicBoolean();
  private final ArrayDeque<Prepared> bulkUnderWay = new ArrayDeque<>();
  private long looked;

  private MpiCollective(Mpi mpi, Duration deadline) {
    this.mpi = mpi;
    this.rank = mpi.rank();
    this.size = mpi.size();
    this.patience = new Patience(deadline);
    this.flag = arena.allocate(16, 16);
  }

  /** Which worker of how many {@code mpirun} says that this process is. */
  public record Place(int rank, int size) {}

  /** Reads what {@code mpirun} says; null in a process that it has not started. */
  public static @Nullable Place place() {
    for (String[] names :
        new String[][] {
          {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"}, {"PMI_RANK", "PMI_SIZE"}
        }) {
      String rank = System.getenv(names[0]);
      String size = System.getenv(names[1]);
      if (rank != null && size != null) {
        try {
          return new Place(Integer.parseInt(rank), Integer.parseInt(size));
        } catch (NumberFormatException e) {
          return null; // somebody else's variables
        }
      }
    }
    return null;
  }

  /**
   * Joins the other workers; once a process.
   *
   * @param deadline how long one waits for the others at one place
   * @throws CollectiveException if there is no MPI, or it does not begin
   */
  public static MpiCollective join(Duration deadline) {
    return new MpiCollective(Mpi.start(), deadline);
  }

  /** Which MPI it is, for people. */
  public String description() {
    return mpi.description();
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
    return new Prepared(name, pieces, DATA_TAG);
  }

  @Override
  public Exchange prepareBulk(String name, List<Piece> pieces) {
    return new Prepared(name, pieces, BULK_TAG);
  }

  @Override
  public void progress() {
    Prepared oldest = bulkUnderWay.peekFirst();
    if (oldest == null) {
      return;
    }
    long now = System.nanoTime();
    if (now - looked > PROGRESS_NANOS) {
      looked = now;
      oldest.isDone(); // MPI moves what it can, of all that is under way, whenever it is asked
    }
  }

  @Override
  public void fail(String sentence) {
    cause.offer("Worker %d of %d failed: %s".formatted(rank, size, sentence));
    abortAtEnd();
  }

  /** Not at once: whoever runs this has yet to say what went wrong. */
  private void abortAtEnd() {
    if (aborts.compareAndSet(false, true)) {
      Runtime.getRuntime().addShutdownHook(new Thread(mpi::abort, "nibble-mpi-abort"));
    }
  }

  @Override
  public void check() {
    cause.check();
  }

  @Override
  public void close() {
    if (!aborts.get()) {
      mpi.end();
    }
    arena.close();
  }

  private final class Prepared implements Exchange {
    private final String name;
    private final List<MemorySegment> held = new ArrayList<>();
    private final int[] peers;
    private final long[] addresses;
    private final int[] bytes;
    private final int sends;
    private final MemorySegment requests;
    private final int tag;
    private boolean underWay;

    Prepared(String name, List<Piece> pieces, int tag) {
      this.name = name;
      this.tag = tag;
      List<Integer> who = new ArrayList<>();
      List<MemorySegment> what = new ArrayList<>();
      MemorySegment nothing = arena.allocate(8);
      for (int peer = 0; peer < size; peer++) {
        add(pieces, rank, peer, peer, who, what, nothing);
      }
      this.sends = what.size();
      for (int peer = 0; peer < size; peer++) {
        add(pieces, peer, rank, peer, who, what, nothing);
      }
      this.held.addAll(what); // what MPI reads and writes must not be freed meanwhile
      this.peers = who.stream().mapToInt(Integer::intValue).toArray();
      this.addresses = what.stream().mapToLong(MemorySegment::address).toArray();
      this.bytes = what.stream().mapToInt(m -> (int) m.byteSize()).toArray();
      this.requests = arena.allocate(8L * Math.max(1, peers.length), 16);
    }

    private void add(
        List<Piece> pieces,
        int owner,
        int reader,
        int peer,
        List<Integer> who,
        List<MemorySegment> what,
        MemorySegment nothing) {
      if (owner == reader) {
        return;
      }
      if (pieces.isEmpty()) {
        who.add(peer);
        what.add(nothing.asSlice(0, 0));
      }
      for (MemorySegment memory : Piece.between(pieces, owner, reader)) {
        for (long at = 0; at < memory.byteSize(); at += MOST) {
          who.add(peer);
          what.add(memory.asSlice(at, Math.min(MOST, memory.byteSize() - at)));
        }
      }
    }

    @Override
    public void begin() {
      cause.check();
      if (underWay) {
        throw new IllegalStateException(name + " is under way already");
      }
      underWay = true;
      if (tag == BULK_TAG) {
        bulkUnderWay.addLast(this);
      }
      long at = requests.address();
      for (int i = sends; i < peers.length; i++) {
        mpi.receive(addresses[i], bytes[i], peers[i], tag, at + (long) i * mpi.requestBytes());
      }
      for (int i = 0; i < sends; i++) {
        mpi.send(addresses[i], bytes[i], peers[i], tag, at + (long) i * mpi.requestBytes());
      }
    }

    private boolean isDone() {
      return peers.length == 0 || mpi.isDone(peers.length, requests.address(), flag);
    }

    @Override
    public void await() {
      if (!underWay) {
        throw new IllegalStateException(name + " has not begun");
      }
      patience.begin();
      while (!isDone()) {
        if (!patience.pause()) {
          cause.offer(
              "The other workers of %d have not come to %s within %d s."
                  .formatted(size, name, patience.seconds()));
          abortAtEnd();
          cause.check();
        }
      }
      underWay = false;
      if (tag == BULK_TAG) {
        bulkUnderWay.remove(this);
      }
    }
  }
}
