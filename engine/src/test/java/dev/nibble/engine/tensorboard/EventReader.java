package dev.nibble.engine.tensorboard;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Reads event files by their specification, with a checksum of its own: it shares no code with what
 * wrote them, not even the JDK's CRC-32C.
 */
final class EventReader {
  /** Castagnoli's polynomial, bits reversed. */
  private static final int POLYNOMIAL = 0x82f63b78;

  /** A histogram as {@code HistogramProto} has it. */
  record Distribution(
      double least,
      double greatest,
      double count,
      double sum,
      double squares,
      List<Double> limits,
      List<Double> counts) {}

  /** An event; what it has not is null or empty. */
  record Event(
      double wallTime,
      long step,
      String version,
      boolean restart,
      Map<String, Float> scalars,
      Map<String, Distribution> histograms) {}

  private EventReader() {}

  /** Reads all whole records; a last one that is cut off is left out, as TensorBoard does. */
  static List<Event> read(Path file) throws IOException {
    List<Event> events = new ArrayList<>();
    try (InputStream in = Files.newInputStream(file);
        DataInputStream data = new DataInputStream(in)) {
      for (byte[] header = data.readNBytes(12); header.length == 12; header = data.readNBytes(12)) {
        ByteBuffer head = ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN);
        long length = head.getLong();
        assertThat(unmasked(head.getInt())).as("checksum of a length").isEqualTo(crc(header, 8));
        byte[] body = data.readNBytes((int) length + 4);
        if (body.length < length + 4) {
          break;
        }
        int sum = ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN).getInt((int) length);
        assertThat(unmasked(sum)).as("checksum of the data").isEqualTo(crc(body, (int) length));
        events.add(event(Fields.of(ByteBuffer.wrap(body, 0, (int) length))));
      }
    }
    return events;
  }

  /** Undoes what {@code crc32c::Mask} does. */
  private static int unmasked(int masked) {
    int rotated = masked - 0xa282ead8;
    return rotated >>> 17 | rotated << 15;
  }

  /** CRC-32C a bit at a time. */
  static int crc(byte[] data, int length) {
    int crc = -1;
    for (int i = 0; i < length; i++) {
      crc ^= data[i] & 0xff;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc & 1) == 1 ? crc >>> 1 ^ POLYNOMIAL : crc >>> 1;
      }
    }
    return ~crc;
  }

  private static Event event(Fields fields) {
    Map<String, Float> scalars = new LinkedHashMap<>();
    Map<String, Distribution> histograms = new LinkedHashMap<>();
    for (ByteBuffer summary : fields.messages(5)) {
      for (ByteBuffer encoded : Fields.of(summary).messages(1)) {
        Fields value = Fields.of(encoded);
        String tag = value.text(1);
        if (value.has(2)) {
          scalars.put(tag, Float.intBitsToFloat((int) value.number(2)));
        }
        value.messages(5).forEach(h -> histograms.put(tag, distribution(Fields.of(h))));
      }
    }
    boolean restart =
        fields.messages(7).stream().map(Fields::of).anyMatch(log -> log.number(1) == 1);
    return new Event(
        fields.real(1),
        fields.has(2) ? fields.number(2) : 0,
        fields.has(3) ? fields.text(3) : "",
        restart,
        scalars,
        histograms);
  }

  private static Distribution distribution(Fields h) {
    return new Distribution(
        h.real(1), h.real(2), h.real(3), h.real(4), h.real(5), h.reals(6), h.reals(7));
  }

  /** The fields of one message by their numbers. */
  private static final class Fields {
    private final Map<Integer, List<Object>> fields = new LinkedHashMap<>();

    static Fields of(ByteBuffer encoded) {
      Fields all = new Fields();
      ByteBuffer in = encoded.slice().order(ByteOrder.LITTLE_ENDIAN);
      while (in.hasRemaining()) {
        long tag = varint(in);
        Object value =
            switch ((int) (tag & 7)) {
              case 0 -> varint(in);
              case 1 -> in.getLong();
              case 2 -> {
                int length = (int) varint(in);
                ByteBuffer part = in.slice(in.position(), length);
                in.position(in.position() + length);
                yield part;
              }
              case 5 -> (long) in.getInt();
              default -> throw new AssertionError("wire type of tag " + tag);
            };
        all.fields.computeIfAbsent((int) (tag >>> 3), k -> new ArrayList<>()).add(value);
      }
      return all;
    }

    private static long varint(ByteBuffer in) {
      long value = 0;
      for (int shift = 0; ; shift += 7) {
        byte next = in.get();
        value |= (next & 0x7fL) << shift;
        if (next >= 0) {
          return value;
        }
      }
    }

    boolean has(int field) {
      return fields.containsKey(field);
    }

    long number(int field) {
      return (Long) Objects.requireNonNull(fields.get(field)).getFirst();
    }

    double real(int field) {
      return Double.longBitsToDouble(number(field));
    }

    String text(int field) {
      return StandardCharsets.UTF_8.decode(messages(field).getFirst().slice()).toString();
    }

    List<ByteBuffer> messages(int field) {
      return fields.getOrDefault(field, List.of()).stream().map(ByteBuffer.class::cast).toList();
    }

    List<Double> reals(int field) {
      List<Double> all = new ArrayList<>();
      for (ByteBuffer packed : messages(field)) {
        ByteBuffer in = packed.slice().order(ByteOrder.LITTLE_ENDIAN);
        while (in.hasRemaining()) {
          all.add(in.getDouble());
        }
      }
      return all;
    }
  }
}
