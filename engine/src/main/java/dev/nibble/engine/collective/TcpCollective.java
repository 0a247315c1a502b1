package dev.nibble.engine.collective;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Workers that are processes, on one machine or several, each connected with each. */
public final class TcpCollective implements Collective {
  private static final long CAUSE_NANOS = 500_000_000;

  /** How often one that computes looks after what is under way. */
  private static final long PROGRESS_NANOS = 200_000;

  private final int rank;
  private final int size;
  private final List<Link> links;
  private final FirstCause cause = new FirstCause();
  private final Watch watch;
  private final Patience patience;
  private final Wire[] data;
  private final Wire[] bulk;
  private int bulkUnderWay;
  private long looked;
  private int prepared;

  private TcpCollective(int rank, int size, List<Link> links, TcpSettings settings)
      throws IOException {
    this.rank = rank;
    this.size = size;
    this.links = List.copyOf(links);
    this.patience = new Patience(settings.step());
    this.data = links.stream().map(l -> new Wire(l.peer(), l.data())).toArray(Wire[]::new);
    this.bulk = links.stream().map(l -> new Wire(l.peer(), l.bulk())).toArray(Wire[]::new);
    this.watch = new Watch(size, links, cause, settings.silence());
  }

  /**
   * Gathers the workers of a run, as worker 0.
   *
   * @param listener where the others join; closed afterwards
   * @param size workers, this one included
   * @throws CollectiveException if not all of them have joined in time
   */
  public static TcpCollective host(Listener listener, int size, TcpSettings settings) {
    return host(listener, size, settings, () -> null);
  }

  /**
   * As the other, for one that knows more of the others than that they have not come.
   *
   * @param trouble why one of them will not come, asked now and then; null while nothing is known
   */
  public static TcpCollective host(
      Listener listener, int size, TcpSettings settings, Supplier<@Nullable String> trouble) {
    return open(0, size, Mesh.host(listener, size, settings, trouble), settings);
  }

  /**
   * Joins the workers of a run.
   *
   * @param host where worker 0 listens, now or soon
   * @param rank this worker, from 1
   * @param size workers, all of them
   * @throws CollectiveException if the others are not found in time, or are of another run
   */
  public static TcpCollective join(
      InetSocketAddress host, int rank, int size, TcpSettings settings) {
    if (rank < 1 || rank >= size) {
      throw new IllegalArgumentException("There is no worker %d of %d".formatted(rank, size));
    }
    return open(rank, size, Mesh.join(host, rank, size, settings), settings);
  }

  private static TcpCollective open(int rank, int size, List<Link> links, TcpSettings settings) {
    try {
      return new TcpCollective(rank, size, links, settings);
    } catch (IOException e) {
      links.forEach(Link::close);
      throw new CollectiveException("The connections to the other workers failed: " + e, e);
    }
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
    return new Prepared(name, prepared++, pieces, false);
  }

  @Override
  public Exchange prepareBulk(String name, List<Piece> pieces) {
    return new Prepared(name, prepared++, pieces, true);
  }

  @Override
  public void progress() {
    if (bulkUnderWay == 0) {
      return;
    }
    long now = System.nanoTime();
    if (now - looked > PROGRESS_NANOS) {
      looked = now;
      move(bulk);
    }
  }

  @Override
  public void fail(String sentence) {
    watch.fail("Worker %d of %d failed: %s".formatted(rank, size, sentence));
  }

  @Override
  public void check() {
    cause.check();
  }

  @Override
  public void close() {
    watch.close();
    links.forEach(Link::close);
  }

  /** Whether any byte has moved. */
  private boolean move(Wire[] wires) {
    boolean moved = false;
    for (Wire wire : wires) {
      try {
        moved |= wire.move();
      } catch (Wire.DisorderException e) {
        watch.fail(
            "Workers %d and %d are not at the same place: give all of them the same version, data and options."
                .formatted(rank, wire.peer()));
        throw known();
      } catch (IOException e) {
        throw lost(wire.peer());
      }
    }
    return moved;
  }

  /** The connection has ended; why may still be on its way. */
  private CollectiveException lost(int peer) {
    long start = System.nanoTime();
    while (!cause.isKnown() && System.nanoTime() - start < CAUSE_NANOS) {
      LockSupport.parkNanos(this, 1_000_000);
    }
    watch.fail(
        (watch.hasLeft(peer)
                ? "Worker %d of %d has left before the others were done."
                : "Worker %d of %d is gone: its process has ended, or the connection to it was"
                    + " cut.")
            .formatted(peer, size));
    return known();
  }

  private CollectiveException known() {
    try {
      cause.check();
    } catch (CollectiveException e) {
      return e;
    }
    return new CollectiveException("A worker is gone.");
  }

  private final class Prepared implements Exchange {
    private final String name;
    private final boolean isBulk;
    private final Wire[] wires;
    private final Flow[] out;
    private final Flow[] in;
    private boolean underWay;

    Prepared(String name, int index, List<Piece> pieces, boolean isBulk) {
      this.name = name;
      this.isBulk = isBulk;
      this.wires = isBulk ? bulk : data;
      this.out = new Flow[wires.length];
      this.in = new Flow[wires.length];
      boolean barrier = pieces.isEmpty();
      for (int i = 0; i < wires.length; i++) {
        int peer = wires[i].peer();
        out[i] = new Flow(index, rank, Piece.between(pieces, rank, peer), barrier);
        in[i] = new Flow(index, peer, Piece.between(pieces, peer, rank), barrier);
      }
    }

    @Override
    public void begin() {
      if (underWay) {
        throw new IllegalStateException(name + " is under way already");
      }
      underWay = true;
      bulkUnderWay += isBulk ? 1 : 0;
      for (int i = 0; i < wires.length; i++) {
        if (in[i].isUsed()) {
          wires[i].queueIn(in[i]);
        }
        if (out[i].isUsed()) {
          wires[i].queueOut(out[i]);
        }
      }
      move(wires);
    }

    @Override
    public void await() {
      if (!underWay) {
        throw new IllegalStateException(name + " has not begun");
      }
      patience.begin();
      while (late() >= 0) {
        // What is needed at once, then the rest: another may wait for that, before it goes on.
        boolean moved = move(data);
        moved |= bulkUnderWay > 0 && move(bulk);
        if (moved) {
          patience.begin();
        } else {
          pause();
        }
      }
      underWay = false;
      bulkUnderWay -= isBulk ? 1 : 0;
    }

    /** A worker that is waited for; -1 if there is none. */
    private int late() {
      for (int i = 0; i < wires.length; i++) {
        if (!in[i].isDone() || !out[i].isDone()) {
          return wires[i].peer();
        }
      }
      return -1;
    }

    private void pause() {
      cause.check();
      if (!patience.pause()) {
        watch.fail(
            "Worker %d of %d lives, but has not come to %s within %d s."
                .formatted(late(), size, name, patience.seconds()));
        cause.check();
      }
    }
  }
}
