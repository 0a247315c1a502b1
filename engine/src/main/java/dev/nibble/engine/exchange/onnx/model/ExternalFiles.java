package dev.nibble.engine.exchange.onnx.model;

import dev.nibble.engine.files.AtomicFile;
import dev.nibble.engine.protobuf.ByteSource;
import dev.nibble.engine.protobuf.ProtobufException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Files beside a model that hold its tensors' data. They must lie in the model's own folder or
 * below it: a model from elsewhere must not read what it likes of this machine.
 */
final class ExternalFiles implements AutoCloseable {
  private static final int MOST = 256;

  private final Path folder;
  private final Map<String, ByteSource> files = new HashMap<>();
  private final List<FileChannel> open = new ArrayList<>();

  /** Those of a model that lies in this folder. */
  ExternalFiles(Path folder) {
    this.folder = folder;
  }

  /**
   * Finds a tensor's data.
   *
   * @param entries what the tensor says: location, offset, length
   * @param bytes how many it has
   */
  DataRegion region(String tensor, Map<String, String> entries, long bytes) {
    String location = entries.get("location");
    if (location == null || location.isEmpty()) {
      throw new ProtobufException(
          "tensor '%s' lies in a file that it does not name".formatted(tensor));
    }
    ByteSource source = files.get(location);
    if (source == null) {
      source = open(tensor, location);
      files.put(location, source);
    }
    long offset = number(tensor, entries.get("offset"), 0);
    long length = number(tensor, entries.get("length"), source.size() - offset);
    if (offset > source.size() || length > source.size() - offset) {
      throw new ProtobufException(
          "tensor '%s' should be %d bytes at %d of %s, which has %d"
              .formatted(tensor, length, offset, location, source.size()));
    }
    boolean isWhole = entries.get("length") == null ? length >= bytes : length == bytes;
    if (!isWhole) {
      throw new ProtobufException(
          "tensor '%s' has %d bytes in %s, but its shape needs %d"
              .formatted(tensor, length, location, bytes));
    }
    return new DataRegion(source, offset, bytes, 0);
  }

  private static long number(String tensor, @Nullable String text, long otherwise) {
    if (text == null) {
      return otherwise;
    }
    try {
      long number = Long.parseLong(text);
      if (number >= 0) {
        return number;
      }
    } catch (NumberFormatException e) {
      // told below
    }
    throw new ProtobufException(
        "tensor '%s' has an offset or length that is no number".formatted(tensor));
  }

  private ByteSource open(String tensor, String location) {
    if (files.size() == MOST) {
      throw new ProtobufException("its data lie in over %d files".formatted(MOST));
    }
    try {
      Path path = inside(tensor, location);
      FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
      open.add(channel);
      return new ByteSource(channel);
    } catch (IOException e) {
      throw new ProtobufException(
          "the data of tensor '%s' in %s cannot be read: %s"
              .formatted(tensor, location, AtomicFile.reason(e)));
    }
  }

  private Path inside(String tensor, String location) throws IOException {
    Path given;
    try {
      given = Path.of(location);
    } catch (InvalidPathException e) {
      throw outside(tensor, location);
    }
    boolean climbs = false;
    for (Path part : given) {
      climbs |= part.toString().equals("..");
    }
    if (given.isAbsolute() || climbs) {
      throw outside(tensor, location);
    }
    // Links resolved, so that none leads out; what is opened is what was looked at.
    Path real = folder.resolve(given).toRealPath();
    if (!real.startsWith(folder.toRealPath())) {
      throw outside(tensor, location);
    }
    if (!Files.isRegularFile(real)) {
      throw new ProtobufException(
          "the data of tensor '%s' should be in %s, which is no regular file"
              .formatted(tensor, location));
    }
    return real;
  }

  private static ProtobufException outside(String tensor, String location) {
    return new ProtobufException(
        "tensor '%s' names the file '%s', which does not lie in the model's folder"
            .formatted(tensor, location));
  }

  @Override
  public void close() throws IOException {
    for (FileChannel channel : open) {
      channel.close();
    }
  }
}
