package dev.nibble.engine.data;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import javax.imageio.ImageIO;

/** Writes small data sets of every kind, and reads a picture back as an array. */
public final class DataFixtures {
  public static final int CIFAR_RECORD = 3073;

  private DataFixtures() {}

  public static byte[] read(Dataset dataset, int index) {
    try (Arena arena = Arena.ofConfined()) {
      // Surrounded by guard bytes: a reader that writes outside its picture is found out.
      int bytes = dataset.pictureBytes();
      MemorySegment target = arena.allocate(bytes + 2L);
      target.fill((byte) 0x5A);
      dataset.read(index, target, 1);
      if (target.get(JAVA_BYTE, 0) != 0x5A || target.get(JAVA_BYTE, bytes + 1L) != 0x5A) {
        throw new AssertionError("picture " + index + " wrote outside its bytes");
      }
      return target.asSlice(1, bytes).toArray(JAVA_BYTE);
    }
  }

  /** Records whose labels count up from 0 in tens, and whose other bytes are random. */
  public static byte[] cifarRecords(int count, int labelBytes, long seed) {
    byte[] bytes = new byte[count * (labelBytes + 3072)];
    new Random(seed).nextBytes(bytes);
    for (int i = 0; i < count; i++) {
      int at = i * (labelBytes + 3072);
      bytes[at] = (byte) (i % 10);
      bytes[at + labelBytes - 1] = (byte) (i % 10);
    }
    return bytes;
  }

  /** A CIFAR-10 folder of 5 x 4 training and 6 test pictures. */
  public static Path cifar10(Path folder) throws IOException {
    Files.createDirectories(folder);
    for (int i = 1; i <= 5; i++) {
      Files.write(folder.resolve("data_batch_" + i + ".bin"), cifarRecords(4, 1, i));
    }
    Files.write(folder.resolve("test_batch.bin"), cifarRecords(6, 1, 6));
    Files.write(folder.resolve("batches.meta.txt"), names("class", 10));
    return folder;
  }

  /** A CIFAR-100 folder of 30 training and 20 test pictures. */
  public static Path cifar100(Path folder) throws IOException {
    Files.createDirectories(folder);
    Files.write(folder.resolve("train.bin"), cifarRecords(30, 2, 1));
    Files.write(folder.resolve("test.bin"), cifarRecords(20, 2, 2));
    Files.write(folder.resolve("fine_label_names.txt"), names("fine", 100));
    return folder;
  }

  public static List<String> names(String prefix, int count) {
    return IntStream.range(0, count).mapToObj(i -> prefix + i).toList();
  }

  /** An IDX file: magic number and dimensions, then the values. */
  public static byte[] idx(int magic, byte[] values, int... dimensions) {
    ByteBuffer buffer = ByteBuffer.allocate(4 + 4 * dimensions.length + values.length);
    buffer.putInt(magic);
    for (int d : dimensions) {
      buffer.putInt(d);
    }
    return buffer.put(values).array();
  }

  public static byte[] idxPictures(int count, int height, int width, long seed) {
    byte[] values = new byte[count * height * width];
    new Random(seed).nextBytes(values);
    return idx(0x803, values, count, height, width);
  }

  public static byte[] idxLabels(int count) {
    byte[] values = new byte[count];
    for (int i = 0; i < count; i++) {
      values[i] = (byte) (i % 10);
    }
    return idx(0x801, values, count);
  }

  public static byte[] gzip(byte[] plain) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
      out.write(plain);
    }
    return bytes.toByteArray();
  }

  /** An IDX folder of 12 training and 5 test pictures of 7x9. */
  public static Path idxFolder(Path folder, boolean gzipped) throws IOException {
    Files.createDirectories(folder);
    String suffix = gzipped ? ".gz" : "";
    writeIdx(folder.resolve("train-images-idx3-ubyte" + suffix), idxPictures(12, 7, 9, 1), gzipped);
    writeIdx(folder.resolve("train-labels-idx1-ubyte" + suffix), idxLabels(12), gzipped);
    writeIdx(folder.resolve("t10k-images-idx3-ubyte" + suffix), idxPictures(5, 7, 9, 2), gzipped);
    writeIdx(folder.resolve("t10k-labels-idx1-ubyte" + suffix), idxLabels(5), gzipped);
    return folder;
  }

  private static void writeIdx(Path path, byte[] bytes, boolean gzipped) throws IOException {
    Files.write(path, gzipped ? gzip(bytes) : bytes);
  }

  /** A picture of one colour. */
  public static void picture(Path path, int height, int width, int rgb) throws IOException {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        image.setRGB(x, y, rgb);
      }
    }
    write(image, path);
  }

  public static void write(BufferedImage image, Path path) throws IOException {
    Files.createDirectories(path.getParent());
    String format = path.toString().endsWith("png") ? "png" : "jpeg";
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    if (!ImageIO.write(image, format, bytes)) {
      throw new IOException("no writer for " + format);
    }
    Files.write(path, bytes.toByteArray());
  }

  /**
   * An image folder: classes cat and dog, three training pictures and one test picture each, 8x6.
   */
  public static Path imageFolder(Path folder) throws IOException {
    for (int i = 0; i < 3; i++) {
      picture(folder.resolve("train/cat/" + i + ".png"), 8, 6, 0xC01020 + i);
      picture(folder.resolve("train/dog/" + i + ".jpg"), 8, 6, 0x1020C0 + i);
    }
    picture(folder.resolve("test/cat/0.jpeg"), 8, 6, 0xC01020);
    picture(folder.resolve("test/dog/0.png"), 8, 6, 0x1020C0);
    return folder;
  }

  public static void cut(Path path, long bytes) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.setLength(bytes);
    }
  }

  public static void poke(Path path, long at, int value) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.seek(at);
      file.write(value);
    }
  }
}
