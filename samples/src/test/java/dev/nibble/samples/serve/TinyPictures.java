package dev.nibble.samples.serve;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;

/** Pictures of 8 x 8 pixels of two classes: bright rows or bright columns, two pixels wide. */
record TinyPictures(int size, long seed) implements Dataset {
  static final int SIDE = 8;
  static final int BYTES = 3 * SIDE * SIDE;

  static DataSplits splits(int train, int test) {
    return new DataSplits(new TinyPictures(train, 1), new TinyPictures(test, 2), "tiny");
  }

  @Override
  public int height() {
    return SIDE;
  }

  @Override
  public int width() {
    return SIDE;
  }

  @Override
  public int channels() {
    return 3;
  }

  @Override
  public List<String> classNames() {
    return List.of("rows", "columns");
  }

  @Override
  public int label(int index) {
    return index % 2;
  }

  @Override
  public void read(int index, MemorySegment target, long offset) {
    byte[] pixels = pixels(index % 2 == 0, 1000 * seed + index);
    MemorySegment.copy(pixels, 0, target, JAVA_BYTE, offset, BYTES);
  }

  @Override
  public void close() {
    // Drawn as they are read.
  }

  static byte[] pixels(boolean rows, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    byte[] pixels = new byte[BYTES];
    for (int i = 0; i < BYTES; i++) {
      int across = rows ? i / 3 / SIDE : i / 3 % SIDE;
      boolean bright = across / 2 % 2 == 0;
      pixels[i] = (byte) ((bright ? 160 : 30) + random.nextInt(80));
    }
    return pixels;
  }

  /** A picture as a file: png or jpg. */
  static byte[] file(boolean rows, long seed, String format) {
    byte[] pixels = pixels(rows, seed);
    BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < SIDE * SIDE; i++) {
      int rgb =
          (pixels[3 * i] & 0xFF) << 16
              | (pixels[3 * i + 1] & 0xFF) << 8
              | (pixels[3 * i + 2] & 0xFF);
      image.setRGB(i % SIDE, i / SIDE, rgb);
    }
    return encode(image, format);
  }

  static byte[] encode(BufferedImage image, String format) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      if (!ImageIO.write(image, format, out)) {
        throw new IOException("no writer for " + format);
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return out.toByteArray();
  }
}
