package dev.nibble.bench;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.LockSupport;

/**
 * Stands in for a slow line where the system's own cannot be made slower: {@code DelayRelay PORT
 * TARGET_PORT DELAY_MICROS} hands on what comes to a port of the loopback, that much later, both
 * ways. It delays no less than it says and, as its threads sleep, somewhat more.
 */
public final class DelayRelay {
  private static final int CHUNK = 64 << 10;
  private static final int CHUNKS = 1000;

  /** Bytes and when they may go on; none where the connection has ended. */
  @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
  private record Chunk(byte[] bytes, int count, long due) {}

  private DelayRelay() {}

  /** Runs until it is killed. */
  public static void main(String[] args) throws IOException {
    if (args.length != 3) {
      System.err.println("usage: DelayRelay PORT TARGET_PORT DELAY_MICROS");
      System.exit(2);
    }
    InetAddress home = InetAddress.getLoopbackAddress();
    long delay = 1000 * Long.parseLong(args[2]);
    try (ServerSocket server = new ServerSocket(Integer.parseInt(args[0]), 50, home)) {
      while (true) {
        Socket in = server.accept();
        Socket out;
        try {
          out = new Socket(home, Integer.parseInt(args[1]));
        } catch (IOException e) {
          in.close(); // nobody listens yet: who came tries again
          continue;
        }
        in.setTcpNoDelay(true);
        out.setTcpNoDelay(true);
        join(in, out, delay);
        join(out, in, delay);
      }
    }
  }

  private static void join(Socket from, Socket to, long delay) {
    LinkedBlockingQueue<Chunk> under = new LinkedBlockingQueue<>(CHUNKS);
    Thread.ofPlatform().daemon().start(() -> read(from, under, delay));
    Thread.ofPlatform().daemon().start(() -> write(under, to));
  }

  private static void read(Socket from, LinkedBlockingQueue<Chunk> under, long delay) {
    try {
      int count = 0;
      while (count >= 0) {
        byte[] bytes = new byte[CHUNK];
        count = read(from, bytes);
        under.put(new Chunk(bytes, Math.max(0, count), System.nanoTime() + delay));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** How many bytes have come; none where the connection is cut or at its end: -1. */
  private static int read(Socket from, byte[] bytes) {
    try {
      return from.getInputStream().read(bytes);
    } catch (IOException e) {
      return -1;
    }
  }

  private static void write(LinkedBlockingQueue<Chunk> under, Socket to) {
    try (to) {
      OutputStream out = to.getOutputStream();
      while (true) {
        Chunk chunk = under.take();
        while (System.nanoTime() < chunk.due()) {
          LockSupport.parkNanos(chunk.due() - System.nanoTime());
        }
        if (chunk.count() == 0) {
          return;
        }
        out.write(chunk.bytes(), 0, chunk.count());
      }
    } catch (IOException e) {
      under.clear(); // cut: nobody reads it any more
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
