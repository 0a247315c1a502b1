package dev.nibble.engine.data.loading;

/** A picture's bytes with what is commonly done to them; used for one call, by one thread. */
final class Pixels {
  private final byte[] bytes;
  private final int height;
  private final int width;
  private final int channels;

  Pixels(byte[] bytes, int height, int width, int channels) {
    if (bytes.length != height * width * channels) {
      throw new IllegalArgumentException(
          "%d bytes are no picture of %dx%dx%d".formatted(bytes.length, height, width, channels));
    }
    this.bytes = bytes;
    this.height = height;
    this.width = width;
    this.channels = channels;
  }

  int height() {
    return height;
  }

  int width() {
    return width;
  }

  int channels() {
    return channels;
  }

  int get(int row, int column, int channel) {
    return bytes[(row * width + column) * channels + channel] & 0xFF;
  }

  void set(int row, int column, int channel, double value) {
    bytes[(row * width + column) * channels + channel] = clamp(value);
  }

  static byte clamp(double value) {
    return (byte) Math.clamp(Math.round(value), 0, 255);
  }

  /** What is done to each byte alone. */
  interface ByteFunction {
    double apply(int value);
  }

  /** Changes every byte by itself. */
  void map(ByteFunction function) {
    byte[] table = new byte[256];
    for (int i = 0; i < 256; i++) {
      table[i] = clamp(function.apply(i));
    }
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = table[bytes[i] & 0xFF];
    }
  }

  /** Blends with black: a factor of 0 is black, 1 the picture. */
  void brightness(double factor) {
    map(value -> factor * value);
  }

  /** Blends with the mean grey: a factor of 0 is that, 1 the picture. */
  void contrast(double factor) {
    double sum = 0;
    for (int i = 0; i < bytes.length; i += channels) {
      sum += grey(i);
    }
    double mean = sum * channels / bytes.length;
    map(value -> mean + factor * (value - mean));
  }

  /** Blends each pixel with its grey: a factor of 0 is that, 1 the picture. */
  void saturation(double factor) {
    if (channels != 3) {
      return;
    }
    for (int i = 0; i < bytes.length; i += 3) {
      double grey = grey(i);
      for (int c = 0; c < 3; c++) {
        bytes[i + c] = clamp(grey + factor * ((bytes[i + c] & 0xFF) - grey));
      }
    }
  }

  /** Brightness as television weighs it (ITU-R BT.601). */
  private double grey(int at) {
    return channels == 3
        ? 0.299 * (bytes[at] & 0xFF)
            + 0.587 * (bytes[at + 1] & 0xFF)
            + 0.114 * (bytes[at + 2] & 0xFF)
        : bytes[at] & 0xFF;
  }

  /** Blends with a picture that is smoothed inside: a factor of 0 is that, above 1 is sharper. */
  void sharpness(double factor) {
    byte[] before = bytes.clone();
    Pixels old = new Pixels(before, height, width, channels);
    for (int row = 1; row < height - 1; row++) {
      for (int column = 1; column < width - 1; column++) {
        for (int c = 0; c < channels; c++) {
          double sum = 4.0 * old.get(row, column, c);
          for (int dy = -1; dy <= 1; dy++) {
            for (int dx = -1; dx <= 1; dx++) {
              sum += old.get(row + dy, column + dx, c);
            }
          }
          double smooth = sum / 13;
          set(row, column, c, smooth + factor * (old.get(row, column, c) - smooth));
        }
      }
    }
  }

  /**
   * Moves the pixels: each comes from the nearest one to where the matrix, around the centre, takes
   * it; black where that lies outside.
   */
  void transform(double a, double b, double c, double d, double right, double down) {
    byte[] before = bytes.clone();
    double middleX = (width - 1) / 2.0;
    double middleY = (height - 1) / 2.0;
    for (int row = 0; row < height; row++) {
      for (int column = 0; column < width; column++) {
        double x = column - middleX;
        double y = row - middleY;
        long fromX = Math.round(a * x + b * y + middleX + right);
        long fromY = Math.round(c * x + d * y + middleY + down);
        boolean inside = fromX >= 0 && fromX < width && fromY >= 0 && fromY < height;
        int to = (row * width + column) * channels;
        int from = inside ? (int) (fromY * width + fromX) * channels : 0;
        for (int ch = 0; ch < channels; ch++) {
          bytes[to + ch] = inside ? before[from + ch] : 0;
        }
      }
    }
  }

  /** Stretches each channel's values to 0..255. */
  void autoContrast() {
    for (int c = 0; c < channels; c++) {
      int low = 255;
      int high = 0;
      for (int i = c; i < bytes.length; i += channels) {
        low = Math.min(low, bytes[i] & 0xFF);
        high = Math.max(high, bytes[i] & 0xFF);
      }
      for (int i = c; high > low && i < bytes.length; i += channels) {
        bytes[i] = clamp(255.0 * ((bytes[i] & 0xFF) - low) / (high - low));
      }
    }
  }

  /** Makes each channel's values about equally frequent. */
  void equalize() {
    int pixels = height * width;
    for (int c = 0; c < channels; c++) {
      int[] below = new int[257];
      for (int i = c; i < bytes.length; i += channels) {
        below[(bytes[i] & 0xFF) + 1]++;
      }
      for (int v = 0; v < 256; v++) {
        below[v + 1] += below[v];
      }
      int least = 0;
      while (below[least + 1] == 0) {
        least++;
      }
      int rest = pixels - below[least + 1];
      for (int i = c; rest > 0 && i < bytes.length; i += channels) {
        int value = bytes[i] & 0xFF;
        bytes[i] = clamp(255.0 * (below[value + 1] - below[least + 1]) / rest);
      }
    }
  }
}
