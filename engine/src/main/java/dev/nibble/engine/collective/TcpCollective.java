package dev.nibble.engine.collective;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Workers that are processes, on one machine or several, each connected with each. */
public final class TcpCollective implements Collective {
  /** Bytes that go to the kernel, and come from it, at once. */
  private static final int STAGING = 256 << 10;

  private static final long CAUSE_NANOS = 500_000_000;

  private final int rank;
  private final int size;
  private final List<Link> links;
  private final FirstCause cause = new FirstCause();
  private final Watch watch;
  private final Patience patience;
  private final ByteBuffer[] sending;
  private final MemorySegment[] sendingMemory;
  private final ByteBuffer[] receiving;
  private final MemorySegment[] receivingMemory;
  private int prepared;

  private TcpCollective(int rank, int size, List<Link> links, TcpSettings settings)
      throws IOException {
    this.rank = rank;
    this.size = size;
    this.links = List.copyOf(links);
    this.patience = new Patience(settings.step());
    this.sending = new ByteBuffer[size];
    this.sendingMemory = new MemorySegment[size];
    this.receiving = new ByteBuffer[size];
    this.receivingMemory = new MemorySegment[size];
    for (Link link : links) {
      // Not views of the exchanged memory: those would cost an allocation at every call.
      int peer = link.peer();
      sending[peer] = ByteBuffer.allocateDirect(STAGING);
      sendingMemory[peer] = MemorySegment.ofBuffer(sending[peer]);
      receiving[peer] = ByteBuffer.allocateDirect(STAGING);
      receivingMemory[peer] = MemorySegment.ofBuffer(receiving[peer]);
    }
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
    return new Prepared(name, prepared++, pieces);
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

  /** The connection has ended; why may still be on its way. */
  private CollectiveException lost(Link link) {
    long start = System.nanoTime();
    while (!cause.isKnown() && System.nanoTime() - start < CAUSE_NANOS) {
      LockSupport.parkNanos(this, 1_000_000);
    }
    watch.fail(
        (watch.hasLeft(link.peer())
                ? "Worker %d of %d has left before the others were done."
                : "Worker %d of %d is gone: its process has ended, or the connection to it was"
                    + " cut.")
            .formatted(link.peer(), size));
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

  /** One direction of an exchange with one peer: a header, then the pieces. */
  private static final class Flow {
    static final int HEADER = 16;

    private final MemorySegment[] pieces;
    private final long bytes;
    private final boolean used;
    private int piece;
    private long at;
    private long left;

    Flow(List<MemorySegment> memory, boolean always) {
      this.pieces = memory.toArray(MemorySegment[]::new);
      long sum = 0;
      for (MemorySegment segment : pieces) {
        sum += segment.byteSize();
      }
      this.bytes = sum;
      this.used = always || sum > 0;
    }

    void begin() {
      piece = 0;
      at = 0;
      left = used ? HEADER + bytes : 0;
    }

    /** Moves bytes between the pieces and a staging buffer, from {@code offset} to {@code end}. */
    void copy(MemorySegment staging, int offset, int end, boolean out) {
      int position = offset;
      while (position < end) {
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
    }
  }

  private final class Prepared implements Exchange {
    private final String name;
    private final int index;
    private final Flow[] out;
    private final Flow[] in;
    private final boolean[] headed;
    private long runs;

    Prepared(String name, int index, List<Piece> pieces) {
      this.name = name;
      this.index = index;
      this.out = new Flow[size];
      this.in = new Flow[size];
      this.headed = new boolean[size];
      boolean barrier = pieces.isEmpty();
      for (int peer = 0; peer < size; peer++) {
        out[peer] = new Flow(Piece.between(pieces, rank, peer), barrier && peer != rank);
        in[peer] = new Flow(Piece.between(pieces, peer, rank), barrier && peer != rank);
      }
    }

    @Override
    public void run() {
      runs++;
      int open = 0;
      for (int i = 0; i < links.size(); i++) {
        int peer = links.get(i).peer();
        out[peer].begin();
        in[peer].begin();
        headed[peer] = false;
        sending[peer].clear().limit(0);
        open += (out[peer].used ? 1 : 0) + (in[peer].used ? 1 : 0);
      }
      patience.begin();
      while (open > 0) {
        boolean moved = false;
        for (int i = 0; i < links.size(); i++) {
          Link link = links.get(i);
          int peer = link.peer();
          if (out[peer].left > 0) {
            moved |= send(link, out[peer]);
            open -= out[peer].left == 0 ? 1 : 0;
          }
          if (in[peer].left > 0) {
            moved |= receive(link, in[peer]);
            open -= in[peer].left == 0 ? 1 : 0;
          }
        }
        if (moved) {
          patience.begin();
        } else {
          pause();
        }
      }
    }

    private void pause() {
      cause.check();
      if (!patience.pause()) {
        int late = 0;
        for (int i = 0; i < links.size(); i++) {
          int peer = links.get(i).peer();
          late = in[peer].left > 0 || out[peer].left > 0 ? peer : late;
        }
        watch.fail(
            "Worker %d of %d lives, but has not come to %s within %d s."
                .formatted(late, size, name, patience.seconds()));
        cause.check();
      }
    }

    private boolean send(Link link, Flow flow) {
      ByteBuffer buffer = sending[link.peer()];
      if (!buffer.hasRemaining()) {
        buffer.clear();
        int offset = 0;
        if (flow.left == Flow.HEADER + flow.bytes) {
          buffer.putInt(index).putInt(rank).putLong(runs);
          offset = Flow.HEADER;
        }
        int end = (int) Math.min(STAGING, flow.left);
        flow.copy(sendingMemory[link.peer()], offset, end, true);
        buffer.position(0).limit(end);
      }
      int written;
      try {
        written = link.data().write(buffer);
      } catch (IOException e) {
        throw lost(link);
      }
      flow.left -= written;
      return written > 0;
    }

    private boolean receive(Link link, Flow flow) {
      int peer = link.peer();
      ByteBuffer buffer = receiving[peer];
      // Never a byte of what follows the exchange.
      int begun = headed[peer] ? 0 : (int) (Flow.HEADER + flow.bytes - flow.left);
      buffer.position(begun).limit((int) Math.min(STAGING, begun + flow.left));
      int read;
      try {
        read = link.data().read(buffer);
      } catch (IOException e) {
        throw lost(link);
      }
      if (read < 0) {
        throw lost(link);
      }
      flow.left -= read;
      int end = buffer.position();
      if (headed[peer]) {
        flow.copy(receivingMemory[peer], 0, end, false);
      } else if (end >= Flow.HEADER) {
        headed[peer] = true;
        checkHeader(peer, buffer);
        flow.copy(receivingMemory[peer], Flow.HEADER, end, false);
      }
      return read > 0;
    }

    private void checkHeader(int peer, ByteBuffer buffer) {
      if (buffer.getInt(0) != index || buffer.getInt(4) != peer || buffer.getLong(8) != runs) {
        watch.fail(
            "Workers %d and %d are not at the same place: give all of them the same version, data and options."
                .formatted(rank, peer));
        cause.check();
      }
    }
  }
}
