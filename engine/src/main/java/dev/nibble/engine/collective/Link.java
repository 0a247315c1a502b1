package dev.nibble.engine.collective;

import java.io.IOException;
import java.nio.channels.SocketChannel;

/**
 * The connections to another worker: one for what is waited for, one for bulk, so that neither is
 * queued behind the other, and one for signs of life and what went wrong.
 */
record Link(int peer, SocketChannel data, SocketChannel bulk, SocketChannel control) {
  void close() {
    close(data);
    close(bulk);
    close(control);
  }

  static void close(SocketChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      // It is of no use any more, whatever that says.
    }
  }
}
