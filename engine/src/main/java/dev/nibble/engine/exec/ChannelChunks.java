package dev.nibble.engine.exec;

/** Channels are cut into chunks, whose sums and tables one thread makes at a time. */
final class ChannelChunks {
  private static final int CHANNELS = 64;

  private ChannelChunks() {}

  static int count(int channels) {
    return (channels + CHANNELS - 1) / CHANNELS;
  }

  static int first(int chunk) {
    return chunk * CHANNELS;
  }

  static int end(int chunk, int channels) {
    return Math.min(channels, (chunk + 1) * CHANNELS);
  }
}
