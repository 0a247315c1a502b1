package dev.nibble.spark;

import dev.nibble.engine.data.DataException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.apache.spark.sql.Row;

/** Pictures as Spark's data source {@code image} decodes them, made files again: BMP's. */
final class SparkImages {
  private static final int HEADERS = 54;
  private static final int INFO = 40;
  private static final int BGR = 3;
  private static final int LINE = 4;
  private static final int HEIGHT = 1;
  private static final int WIDTH = 2;
  private static final int CHANNELS = 3;
  private static final int DATA = 5;

  private SparkImages() {}

  /** Where a picture comes from. */
  static String name(Row image) {
    String origin = image.getString(0);
    return origin == null || origin.isEmpty() ? Columns.UNNAMED : origin;
  }

  /**
   * A picture's file.
   *
   * @throws DataException if there are not as many bytes as pixels, or the channels are neither
   *     grey nor blue, green, red (and alpha, which is dropped)
   */
  static byte[] file(Row image) {
    int height = image.getInt(HEIGHT);
    int width = image.getInt(WIDTH);
    int channels = image.getInt(CHANNELS);
    byte[] data = image.getAs(DATA);
    boolean known = channels == 1 || channels == BGR || channels == BGR + 1;
    if (height < 1 || width < 1 || !known || (long) height * width * channels != data.length) {
      throw new DataException(
          "The picture %s is none of bytes: Spark says %d x %d pixels of %d channels, and there are %d bytes."
              .formatted(name(image), height, width, channels, data.length));
    }
    int row = (width * BGR + LINE - 1) / LINE * LINE;
    long bytes = HEADERS + (long) row * height;
    if (bytes > Integer.MAX_VALUE) {
      throw new DataException("The picture %s is too large.".formatted(name(image)));
    }
    ByteBuffer file = ByteBuffer.allocate((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
    file.put((byte) 'B').put((byte) 'M').putInt((int) bytes).putInt(0).putInt(HEADERS);
    file.putInt(INFO).putInt(width).putInt(height);
    file.putShort((short) 1).putShort((short) (8 * BGR)).putInt(0).putInt(row * height);
    // The rows of a BMP go upwards.
    for (int y = height - 1; y >= 0; y--) {
      file.position(HEADERS + (height - 1 - y) * row);
      for (int x = 0; x < width; x++) {
        int pixel = (y * width + x) * channels;
        for (int c = 0; c < BGR; c++) {
          file.put(data[channels == 1 ? pixel : pixel + c]);
        }
      }
    }
    return file.array();
  }
}
