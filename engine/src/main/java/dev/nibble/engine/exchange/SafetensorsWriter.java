package dev.nibble.engine.exchange;

import dev.nibble.engine.files.AtomicFile;
import dev.nibble.engine.files.Disk;
import dev.nibble.engine.files.SegmentIo;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * Writes safetensors files that the reference implementation reads.
 *
 * <p>Wider elements come first and the header is padded to 8 bytes, so that every tensor is aligned
 * to its elements; otherwise the given order is kept. The same input gives the same bytes.
 */
public final class SafetensorsWriter {
  private SafetensorsWriter() {}

  /**
   * Writes a file whole or not at all; a file that is there is replaced only by a complete one.
   *
   * @param metadata strings that travel with the tensors, may be empty
   * @throws ExchangeException if the disk does not take it; what was there before is then unchanged
   * @throws IllegalArgumentException if a name is given twice or reserved, or a source gives other
   *     than the bytes its shape needs
   */
  public static void write(Path path, Map<String, String> metadata, List<TensorSource> tensors) {
    write(Disk.system(), path, metadata, tensors);
  }

  static void write(
      Disk disk, Path path, Map<String, String> metadata, List<TensorSource> tensors) {
    List<TensorSource> ordered = new ArrayList<>(tensors);
    ordered.sort(Comparator.comparingInt((TensorSource t) -> t.info().dtype().bytes()).reversed());
    ByteBuffer header = header(metadata, ordered);
    try {
      AtomicFile.write(
          disk,
          path,
          channel -> {
            SegmentIo.writeAll(channel, header);
            for (TensorSource tensor : ordered) {
              write(channel, tensor);
            }
          });
    } catch (IOException e) {
      throw new ExchangeException(
          "Cannot write safetensors file " + path + ": " + AtomicFile.reason(e) + ".", e);
    }
  }

  private static void write(WritableByteChannel channel, TensorSource tensor) throws IOException {
    SegmentIo.write(channel, new Tensor(tensor.info(), tensor.data().get()).data());
  }

  /** Returns length field, JSON and padding. */
  private static ByteBuffer header(Map<String, String> metadata, List<TensorSource> tensors) {
    JsonObject.Builder root = JsonObject.builder();
    if (!metadata.isEmpty()) {
      root.put(SafetensorsHeader.METADATA, JsonValue.object(metadata));
    }
    long at = 0;
    for (TensorSource tensor : tensors) {
      TensorInfo info = tensor.info();
      if (info.name().equals(SafetensorsHeader.METADATA)) {
        throw new IllegalArgumentException("the tensor name " + info.name() + " is reserved");
      }
      long end = Math.addExact(at, info.bytes());
      root.put(
          info.name(),
          JsonObject.builder()
              .put("dtype", info.dtype().name())
              .put("shape", JsonValue.array(info.shape().stream().map(JsonValue::of).toList()))
              .put("data_offsets", JsonValue.array(at, end))
              .build());
      at = end;
    }
    byte[] json = JsonWriter.compact(root.build()).getBytes(StandardCharsets.UTF_8);
    int padded = Math.ceilDiv(json.length, 8) * 8;
    ByteBuffer header = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
    header.putLong(padded).put(json);
    while (header.hasRemaining()) {
      header.put((byte) ' ');
    }
    return header.flip();
  }
}
