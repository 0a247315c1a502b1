package dev.nibble.engine.data.parquet;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes Parquet files of pictures and labels: plain encoding, no compression, a page a column
 * chunk. Source: github.com/apache/parquet-format.
 */
final class TinyParquet {
  private static final int INT64 = 2;
  private static final int BYTE_ARRAY = 6;
  private static final int OPTIONAL = 1;
  private static final int PLAIN = 0;
  private static final int RLE = 3;

  private final String picture;
  private final String label;
  private final @Nullable String features;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final List<CompactThrift> groups = new ArrayList<>();
  private long rows;

  /**
   * Starts a file.
   *
   * @param picture name of the struct whose member {@code bytes} holds the pictures
   * @param features the value of the metadata's key {@code huggingface}, or null for none
   */
  TinyParquet(String picture, String label, @Nullable String features) {
    this.picture = picture;
    this.label = label;
    this.features = features;
    magic();
  }

  /** Adds a row group; a null is a missing value. */
  TinyParquet group(List<byte @Nullable []> pictures, List<@Nullable Long> labels) {
    long start = out.size();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (byte[] file : pictures) {
      if (file != null) {
        bytes.writeBytes(little(4).putInt(file.length).array());
        bytes.writeBytes(file);
      }
    }
    ByteArrayOutputStream longs = new ByteArrayOutputStream();
    for (Long value : labels) {
      if (value != null) {
        longs.writeBytes(little(8).putLong(value).array());
      }
    }
    List<CompactThrift> chunks =
        List.of(
            chunk(BYTE_ARRAY, List.of(picture, "bytes"), levels(pictures, 2), bytes),
            chunk(INT64, List.of(label), levels(labels, 1), longs));
    long size = out.size() - start;
    rows += labels.size();
    groups.add(new CompactThrift().structs(1, chunks).i64(2, size).i64(3, labels.size()));
    return this;
  }

  /** A level a value, each as a run of its own: the highest, or one less where it is missing. */
  private static int[] levels(List<?> values, int most) {
    return values.stream().mapToInt(value -> value == null ? most - 1 : most).toArray();
  }

  private CompactThrift chunk(
      int type, List<String> path, int[] levels, ByteArrayOutputStream values) {
    ByteArrayOutputStream page = new ByteArrayOutputStream();
    page.writeBytes(little(4).putInt(2 * levels.length).array());
    for (int level : levels) {
      page.write(1 << 1); // a run of one
      page.write(level);
    }
    page.writeBytes(values.toByteArray());
    CompactThrift data =
        new CompactThrift().i32(1, levels.length).i32(2, PLAIN).i32(3, RLE).i32(4, RLE);
    byte[] header =
        new CompactThrift()
            .i32(1, 0)
            .i32(2, page.size())
            .i32(3, page.size())
            .struct(5, data)
            .bytes();
    long offset = out.size();
    out.writeBytes(header);
    out.writeBytes(page.toByteArray());
    long size = out.size() - offset;
    CompactThrift meta =
        new CompactThrift()
            .i32(1, type)
            .i32s(2, PLAIN, RLE)
            .texts(3, path)
            .i32(4, 0)
            .i64(5, levels.length)
            .i64(6, size)
            .i64(7, size)
            .i64(9, offset);
    return new CompactThrift().i64(2, offset).struct(3, meta);
  }

  /** The whole file. */
  byte[] bytes() {
    List<CompactThrift> schema =
        List.of(
            new CompactThrift().text(4, "schema").i32(5, 2),
            new CompactThrift().i32(3, OPTIONAL).text(4, picture).i32(5, 1),
            new CompactThrift().i32(1, BYTE_ARRAY).i32(3, OPTIONAL).text(4, "bytes"),
            new CompactThrift().i32(1, INT64).i32(3, OPTIONAL).text(4, label));
    CompactThrift footer =
        new CompactThrift().i32(1, 1).structs(2, schema).i64(3, rows).structs(4, groups);
    if (features != null) {
      footer.structs(5, List.of(new CompactThrift().text(1, "huggingface").text(2, features)));
    }
    byte[] metadata = footer.bytes();
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    file.writeBytes(out.toByteArray());
    file.writeBytes(metadata);
    file.writeBytes(little(4).putInt(metadata.length).array());
    file.writeBytes("PAR1".getBytes(StandardCharsets.US_ASCII));
    return file.toByteArray();
  }

  void write(Path path) throws IOException {
    Files.write(path, bytes());
  }

  private void magic() {
    out.writeBytes("PAR1".getBytes(StandardCharsets.US_ASCII));
  }

  private static ByteBuffer little(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
