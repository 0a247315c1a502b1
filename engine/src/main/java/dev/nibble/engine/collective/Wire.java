package dev.nibble.engine.collective;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;

/**
 * One connection to another worker. Flows leave, and come, in the order in which they were queued;
 * small ones leave together. Never waits: the system's buffers carry what they take while the
 * workers compute.
 */
final class Wire {
  /** What comes is not what is expected: the workers are not at the same place. */
  static final class DisorderException extends IOException {
    private static final long serialVersionUID = 1;

    DisorderException() {
      super("another exchange");
    }
  }

  /** Bytes that go to the system, and come from it, at once. */
  private static final int STAGING = 256 << 10;

  private final int peer;
  private final SocketChannel channel;
  // Not views of the exchanged memory: those would cost an allocation at every call.
  private final ByteBuffer sending = ByteBuffer.allocateDirect(STAGING).limit(0);
  private final MemorySegment sendingMemory;
  private final ByteBuffer receiving = ByteBuffer.allocateDirect(STAGING).limit(0);
  private final MemorySegment receivingMemory;
  private final ArrayDeque<Flow> out = new ArrayDeque<>();
  private final ArrayDeque<Flow> staged = new ArrayDeque<>();
  private final ArrayDeque<Flow> in = new ArrayDeque<>();

  Wire(int peer, SocketChannel channel) {
    this.peer = peer;
    this.channel = channel;
    // Whole buffers, whatever their limits are now.
    this.sendingMemory = MemorySegment.ofBuffer(sending.duplicate().clear());
    this.receivingMemory = MemorySegment.ofBuffer(receiving.duplicate().clear());
  }

  int peer() {
    return peer;
  }

  void queueOut(Flow flow) {
    flow.begin();
    out.addLast(flow);
  }

  void queueIn(Flow flow) {
    flow.begin();
    in.addLast(flow);
  }

  /**
   * Sends and receives what can be now.
   *
   * @return whether any byte has moved
   * @throws EOFException if the other end has closed the connection
   */
  boolean move() throws IOException {
    boolean moved = send();
    moved |= receive();
    return moved;
  }

  private boolean send() throws IOException {
    boolean moved = false;
    while (fill()) {
      moved |= channel.write(sending) > 0;
      if (sending.hasRemaining()) {
        break; // the system takes no more now
      }
      while (!staged.isEmpty()) {
        staged.removeFirst().setDone();
      }
    }
    return moved;
  }

  /** Stages what is queued, if nothing is staged; whether something is then. */
  private boolean fill() {
    if (sending.hasRemaining()) {
      return true;
    }
    if (out.isEmpty()) {
      return false;
    }
    sending.clear();
    while (!out.isEmpty()) {
      Flow flow = out.getFirst();
      if (!flow.isHeaded()) {
        if (sending.remaining() < Flow.HEADER) {
          break;
        }
        flow.putHeader(sending);
      }
      int from = sending.position();
      sending.position(from + flow.copy(sendingMemory, from, STAGING, true));
      if (!flow.isCopied()) {
        break;
      }
      staged.addLast(out.removeFirst());
    }
    sending.flip();
    return true;
  }

  private boolean receive() throws IOException {
    boolean moved = false;
    while (!distribute()) {
      receiving.compact();
      int read = channel.read(receiving);
      receiving.flip();
      if (read < 0) {
        throw new EOFException();
      }
      if (read == 0) {
        break;
      }
      moved = true;
    }
    return moved;
  }

  /** Hands what has come to those that wait for it; whether all have what they wait for. */
  private boolean distribute() throws DisorderException {
    while (!in.isEmpty()) {
      Flow flow = in.getFirst();
      if (!flow.isHeaded()) {
        if (receiving.remaining() < Flow.HEADER) {
          return false;
        }
        if (!flow.takeHeader(receiving)) {
          throw new DisorderException();
        }
      }
      int from = receiving.position();
      receiving.position(from + flow.copy(receivingMemory, from, receiving.limit(), false));
      if (!flow.isCopied()) {
        return false;
      }
      in.removeFirst().setDone();
    }
    return true;
  }
}
