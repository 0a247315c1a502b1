package dev.nibble.engine.collective;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Connects every worker with every other: all join worker 0, which tells them where the others
 * listen; of two workers, the one of higher rank connects.
 */
final class Mesh {
  private static final int DATA = 0;
  private static final int CONTROL = 1;
  private static final int BULK = 2;
  private static final int KINDS = 3;
  private static final long ASK_MILLIS = 100;
  private static final long RETRY_NANOS = 50_000_000;

  private final int rank;
  private final int size;
  private final TcpSettings settings;
  private final Handshake handshake;
  private final @Nullable SocketChannel[][] channels;
  private final boolean[][] reserved;
  private final InetSocketAddress[] addresses;
  private final long end;

  private Mesh(int rank, int size, TcpSettings settings) {
    this.rank = rank;
    this.size = size;
    this.settings = settings;
    this.handshake = new Handshake(settings.secret());
    this.channels = new @Nullable SocketChannel[size][KINDS];
    this.reserved = new boolean[size][KINDS];
    this.addresses = new InetSocketAddress[size];
    this.end = System.nanoTime() + settings.join().toNanos();
  }

  /** Worker 0's, at whose port the others join. */
  static List<Link> host(
      Listener listener, int size, TcpSettings settings, Supplier<@Nullable String> trouble) {
    Mesh mesh = new Mesh(0, size, settings);
    try (listener) {
      listener.start(mesh.handshake, size, mesh::welcome);
      mesh.awaitHigher(listener, trouble);
      mesh.sendAddresses();
      return mesh.links();
    } catch (IOException e) {
      throw mesh.failed("Worker 0 could not gather the others: " + e, e);
    } catch (RuntimeException | Error e) {
      mesh.closeAll();
      throw e;
    }
  }

  /** Another worker's, which joins at worker 0's address. */
  static List<Link> join(InetSocketAddress host, int rank, int size, TcpSettings settings) {
    Mesh mesh = new Mesh(rank, size, settings);
    boolean local = host.getAddress() != null && host.getAddress().isLoopbackAddress();
    InetSocketAddress own =
        local
            ? new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)
            : new InetSocketAddress(0);
    try (Listener listener = Listener.open(own)) {
      listener.start(mesh.handshake, size, mesh::welcome);
      int port = listener.address().getPort();
      mesh.connect(0, host, CONTROL, port);
      mesh.connect(0, host, DATA, port);
      mesh.connect(0, host, BULK, port);
      mesh.readAddresses();
      for (int peer = 1; peer < rank; peer++) {
        mesh.connect(peer, mesh.addresses[peer], CONTROL, port);
        mesh.connect(peer, mesh.addresses[peer], DATA, port);
        mesh.connect(peer, mesh.addresses[peer], BULK, port);
      }
      mesh.awaitHigher(listener, () -> null);
      return mesh.links();
    } catch (IOException e) {
      throw mesh.failed("Worker %d could not join the others: %s".formatted(rank, e), e);
    } catch (RuntimeException | Error e) {
      mesh.closeAll();
      throw e;
    }
  }

  private CollectiveException failed(String sentence, IOException e) {
    closeAll();
    return new CollectiveException(sentence, e);
  }

  private void welcome(int peer, int kind, InetAddress from, int port, SocketChannel channel)
      throws IOException {
    reserve(peer, kind, port);
    // Before anyone else knows of the channel, whose mode is changed once all have joined.
    new DataOutputStream(channel.socket().getOutputStream()).writeUTF("");
    synchronized (this) {
      channels[peer][kind] = channel;
      addresses[peer] = new InetSocketAddress(from, port);
      notifyAll();
    }
  }

  private synchronized void reserve(int peer, int kind, int port) {
    if (peer <= rank || peer >= size || kind < 0 || kind >= KINDS || port < 1 || port > 65535) {
      throw new IllegalArgumentException(
          "there is no worker %d of %d to join here".formatted(peer, size));
    }
    if (reserved[peer][kind]) {
      throw new IllegalArgumentException("a worker %d has joined already".formatted(peer));
    }
    reserved[peer][kind] = true;
  }

  private synchronized void awaitHigher(Listener listener, Supplier<@Nullable String> trouble) {
    boolean interrupted = false;
    while (missing() >= 0) {
      String known = trouble.get();
      if (known != null) {
        throw new CollectiveException(known);
      }
      long left = end - System.nanoTime();
      if (left <= 0) {
        int strangers = listener.strangers();
        throw new CollectiveException(
            "Worker %d of %d has not joined within %d s%s."
                .formatted(
                    missing(),
                    size,
                    settings.join().toSeconds(),
                    strangers == 0
                        ? ""
                        : "; others than workers of this run have tried (%d times)"
                            .formatted(strangers)));
      }
      try {
        wait(Math.clamp(left / 1_000_000, 1, ASK_MILLIS));
      } catch (InterruptedException e) {
        interrupted = true;
        break;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
      throw new CollectiveException("Interrupted while waiting for the other workers.");
    }
  }

  private int missing() {
    for (int peer = rank + 1; peer < size; peer++) {
      for (int kind = 0; kind < KINDS; kind++) {
        if (channels[peer][kind] == null) {
          return peer;
        }
      }
    }
    return -1;
  }

  private void connect(int peer, InetSocketAddress address, int kind, int port) throws IOException {
    if (address.isUnresolved()) {
      throw new CollectiveException(
          "The host %s of worker %d is unknown.".formatted(address.getHostString(), peer));
    }
    while (true) {
      SocketChannel channel = SocketChannel.open();
      try {
        int millis = Math.clamp((end - System.nanoTime()) / 1_000_000, 1, 5000);
        channel.socket().connect(address, millis);
        handshake.connect(channel);
        Listener.introduce(channel, rank, size, kind, port);
        synchronized (this) {
          channels[peer][kind] = channel;
        }
        return;
      } catch (Handshake.StrangerException e) {
        Link.close(channel);
        throw new CollectiveException(
            "Worker %d did not find worker %d at %s: %s."
                .formatted(rank, peer, text(address), e.getMessage()),
            e);
      } catch (IOException e) {
        Link.close(channel);
        if (System.nanoTime() > end) {
          throw new CollectiveException(
              "Worker %d reached no worker %d at %s within %d s: is it running, and is this its address?"
                  .formatted(rank, peer, text(address), settings.join().toSeconds()),
              e);
        }
        LockSupport.parkNanos(this, RETRY_NANOS);
      } catch (RuntimeException e) {
        Link.close(channel);
        throw e;
      }
    }
  }

  private static String text(InetSocketAddress address) {
    return address.getHostString() + ":" + address.getPort();
  }

  private void sendAddresses() throws IOException {
    for (int peer = 1; peer < size; peer++) {
      DataOutputStream out = new DataOutputStream(control(peer).socket().getOutputStream());
      for (int other = 1; other < size; other++) {
        byte[] host = addresses[other].getAddress().getAddress();
        out.writeByte(host.length);
        out.write(host);
        out.writeInt(addresses[other].getPort());
      }
      out.flush();
    }
  }

  private void readAddresses() throws IOException {
    SocketChannel channel = control(0);
    Duration left = Duration.ofNanos(Math.max(1_000_000, end - System.nanoTime()));
    channel.socket().setSoTimeout((int) left.toMillis());
    DataInputStream in = new DataInputStream(channel.socket().getInputStream());
    try {
      for (int other = 1; other < size; other++) {
        int length = in.readUnsignedByte();
        byte[] host = new byte[length];
        in.readFully(host);
        InetAddress address = InetAddress.getByAddress(host);
        int port = in.readInt();
        if (other > 0 && other < rank) {
          addresses[other] = new InetSocketAddress(address, port);
        }
      }
    } catch (SocketTimeoutException e) {
      throw new CollectiveException(
          "The other workers have not joined within %d s.".formatted(settings.join().toSeconds()),
          e);
    } catch (IOException e) {
      throw new CollectiveException("Worker 0 is gone: it ended before all workers had joined.", e);
    }
  }

  private synchronized SocketChannel control(int peer) {
    SocketChannel channel = channels[peer][CONTROL];
    if (channel == null) {
      throw new IllegalStateException("worker " + peer + " has not joined");
    }
    return channel;
  }

  private synchronized List<Link> links() throws IOException {
    List<Link> links = new ArrayList<>();
    for (int peer = 0; peer < size; peer++) {
      SocketChannel data = channels[peer][DATA];
      SocketChannel bulk = channels[peer][BULK];
      SocketChannel control = channels[peer][CONTROL];
      if (peer != rank && data != null && bulk != null && control != null) {
        data.configureBlocking(false);
        bulk.configureBlocking(false);
        control.configureBlocking(false);
        links.add(new Link(peer, data, bulk, control));
      }
    }
    return links;
  }

  private synchronized void closeAll() {
    for (@Nullable SocketChannel[] all : channels) {
      for (SocketChannel channel : all) {
        if (channel != null) {
          Link.close(channel);
        }
      }
    }
  }
}
