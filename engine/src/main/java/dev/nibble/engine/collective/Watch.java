package dev.nibble.engine.collective;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;

/**
 * Gives and watches for signs of life, on a thread of its own: a worker that ends, or is silent for
 * too long, or says what went wrong with it, ends the run for all.
 */
final class Watch implements AutoCloseable {
  private static final byte ALIVE = 0;
  private static final byte FAULT = 1;
  private static final byte BYE = 2;
  private static final int MOST_TEXT = 4096;
  private static final int HEADER = 5;

  private final int size;
  private final List<Link> links;
  private final FirstCause cause;
  private final long silenceNanos;
  private final Selector selector;
  private final Thread thread;
  private final AtomicIntegerArray left;
  private final long[] heard;
  private final ByteBuffer[] incoming;
  private final ByteBuffer alive = message(ALIVE, "");
  private volatile @Nullable String toTell;
  private volatile boolean closing;

  Watch(int size, List<Link> links, FirstCause cause, Duration silence) throws IOException {
    this.size = size;
    this.links = links;
    this.cause = cause;
    this.silenceNanos = silence.toNanos();
    this.left = new AtomicIntegerArray(size);
    this.heard = new long[size];
    this.incoming = new ByteBuffer[size];
    this.selector = Selector.open();
    for (Link link : links) {
      incoming[link.peer()] = ByteBuffer.allocate(HEADER + MOST_TEXT);
      heard[link.peer()] = System.nanoTime();
      link.control().register(selector, SelectionKey.OP_READ, link);
    }
    this.thread = Thread.ofPlatform().daemon().name("nibble-workers-watch").unstarted(this::watch);
    thread.start();
  }

  private static ByteBuffer message(byte type, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int length = Math.min(bytes.length, MOST_TEXT);
    return ByteBuffer.allocateDirect(HEADER + length)
        .put(type)
        .putInt(length)
        .put(bytes, 0, length)
        .flip();
  }

  /** Whether a worker has said that it is done. */
  boolean hasLeft(int peer) {
    return left.get(peer) != 0;
  }

  /** Tells all others of what has gone wrong here, if it is the first thing that has. */
  void fail(String sentence) {
    if (cause.offer(sentence)) {
      toTell = sentence;
      selector.wakeup();
    }
  }

  private void watch() {
    long period = Math.min(1_000_000_000L, silenceNanos / 4);
    long next = System.nanoTime();
    long round = next;
    try {
      while (true) {
        boolean last = closing;
        long wait = Math.max(1, (next - System.nanoTime()) / 1_000_000);
        if (last) {
          selector.selectNow(this::read);
        } else {
          selector.select(this::read, wait);
        }
        String told = toTell;
        if (told != null) {
          toTell = null;
          send(message(FAULT, told));
        }
        if (last) {
          send(message(BYE, ""));
          return;
        }
        if (System.nanoTime() >= next) {
          next = System.nanoTime() + period;
          send(alive);
        }
        // Who was stopped itself has to read first what the others have said meanwhile.
        long now = System.nanoTime();
        if (now - round < silenceNanos / 2) {
          listen(now);
        }
        round = now;
      }
    } catch (IOException | ClosedSelectorException e) {
      cause.offer("The connections to the other workers cannot be watched: " + e.getMessage());
    }
  }

  private void listen(long now) {
    for (Link link : links) {
      int peer = link.peer();
      if (!hasLeft(peer) && now - heard[peer] > silenceNanos) {
        fail(
            "Worker %d of %d has been silent for %.1f s: it was stopped, or the network to it is cut."
                .formatted(peer, size, silenceNanos / 1e9));
      }
    }
  }

  /** Small messages into empty buffers: what does not fit means that nobody reads there. */
  private void send(ByteBuffer message) {
    for (Link link : links) {
      if (hasLeft(link.peer()) || !link.control().isOpen()) {
        continue;
      }
      message.rewind();
      try {
        link.control().write(message);
      } catch (IOException e) {
        lost(link);
      }
    }
  }

  private void read(SelectionKey key) {
    Link link = (Link) key.attachment();
    ByteBuffer buffer = incoming[link.peer()];
    try {
      int bytes = link.control().read(buffer);
      if (bytes < 0) {
        key.cancel();
        lost(link);
        return;
      }
    } catch (IOException e) {
      key.cancel();
      lost(link);
      return;
    }
    heard[link.peer()] = System.nanoTime();
    buffer.flip();
    while (buffer.remaining() >= HEADER) {
      int length = buffer.getInt(buffer.position() + 1);
      if (length < 0 || length > MOST_TEXT) {
        key.cancel();
        fail("Worker %d of %d sends what is no message.".formatted(link.peer(), size));
        return;
      }
      if (buffer.remaining() < HEADER + length) {
        break;
      }
      byte type = buffer.get();
      buffer.getInt();
      byte[] text = new byte[length];
      buffer.get(text);
      if (type == FAULT) {
        fail(new String(text, StandardCharsets.UTF_8));
      } else if (type == BYE) {
        left.set(link.peer(), 1);
      }
    }
    buffer.compact();
  }

  private void lost(Link link) {
    if (!hasLeft(link.peer()) && !closing) {
      fail(
          "Worker %d of %d is gone: its process has ended, or the connection to it was cut."
              .formatted(link.peer(), size));
    }
  }

  /** Says goodbye, and waits a moment until that and what is to be told are sent. */
  @Override
  public void close() {
    closing = true;
    selector.wakeup();
    boolean interrupted = false;
    try {
      thread.join(2000);
    } catch (InterruptedException e) {
      interrupted = true;
    }
    try {
      selector.close();
    } catch (IOException e) {
      // Its thread has ended, or ends with this.
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
