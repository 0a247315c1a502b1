package dev.nibble.engine.collective;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A port at which other workers join. Strangers are turned away, each on a thread of its own, and
 * hold nobody up; once all workers have joined, nothing listens any more.
 */
public final class Listener implements AutoCloseable {
  /** Conversations at once; who comes on top is turned away at once. */
  private static final int GUESTS = 64;

  private final ServerSocketChannel server;
  private final Semaphore guests = new Semaphore(GUESTS);
  private final AtomicInteger strangers = new AtomicInteger();

  /** What to do with a worker that has proved to be one. */
  interface Guest {
    /**
     * Takes the channel over, and answers with an empty text, or refuses by an exception, whose
     * message is the answer.
     */
    void welcome(int rank, int kind, InetAddress from, int port, SocketChannel channel)
        throws IOException;
  }

  private Listener(ServerSocketChannel server) {
    this.server = server;
  }

  /**
   * Opens a port.
   *
   * @param address port 0 takes any that is free
   * @throws IOException if the port cannot be had
   */
  public static Listener open(InetSocketAddress address) throws IOException {
    ServerSocketChannel server = ServerSocketChannel.open();
    try {
      server.setOption(StandardSocketOptions.SO_REUSEADDR, true);
      server.bind(address);
      return new Listener(server);
    } catch (IOException | RuntimeException e) {
      server.close();
      throw e;
    }
  }

  /** Where others can join. */
  public InetSocketAddress address() {
    try {
      return (InetSocketAddress) server.getLocalAddress();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Strangers that were turned away. */
  int strangers() {
    return strangers.get();
  }

  /** Lets workers in until it is closed. */
  void start(Handshake handshake, int size, Guest guest) {
    Thread.ofPlatform()
        .daemon()
        .name("nibble-workers-join")
        .start(
            () -> {
              while (server.isOpen()) {
                try {
                  admit(server.accept(), handshake, size, guest);
                } catch (ClosedChannelException e) {
                  return;
                } catch (IOException e) {
                  strangers.incrementAndGet(); // it has hung up already
                }
              }
            });
  }

  private void admit(SocketChannel channel, Handshake handshake, int size, Guest guest) {
    if (!guests.tryAcquire()) {
      strangers.incrementAndGet();
      Link.close(channel);
      return;
    }
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                talk(channel, handshake, size, guest);
              } catch (IOException | RuntimeException e) {
                strangers.incrementAndGet();
                Link.close(channel);
              } finally {
                guests.release();
              }
            });
  }

  private static void talk(SocketChannel channel, Handshake handshake, int size, Guest guest)
      throws IOException {
    handshake.accept(channel);
    DataInputStream in = new DataInputStream(channel.socket().getInputStream());
    DataOutputStream out = new DataOutputStream(channel.socket().getOutputStream());
    int rank = in.readInt();
    int workers = in.readInt();
    int kind = in.readInt();
    int port = in.readInt();
    if (workers != size) {
      out.writeUTF("this run has %d workers, not %d".formatted(size, workers));
      throw new IOException("of another run");
    }
    try {
      InetAddress from = ((InetSocketAddress) channel.getRemoteAddress()).getAddress();
      guest.welcome(rank, kind, from, port, channel);
    } catch (IllegalArgumentException e) {
      out.writeUTF(String.valueOf(e.getMessage()));
      throw e;
    }
  }

  /** Introduces a worker that has connected. */
  static void introduce(SocketChannel channel, int rank, int size, int kind, int port)
      throws IOException {
    DataInputStream in = new DataInputStream(channel.socket().getInputStream());
    DataOutputStream out = new DataOutputStream(channel.socket().getOutputStream());
    out.writeInt(rank);
    out.writeInt(size);
    out.writeInt(kind);
    out.writeInt(port);
    String refusal = in.readUTF();
    if (!refusal.isEmpty()) {
      throw new CollectiveException("Worker %d was refused: %s.".formatted(rank, refusal));
    }
  }

  @Override
  public void close() {
    try {
      server.close();
    } catch (IOException e) {
      // Nothing listens any more, whatever that says.
    }
  }
}
