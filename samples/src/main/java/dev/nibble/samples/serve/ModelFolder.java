package dev.nibble.samples.serve;

import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The versions on the disk: for each a safetensors file and a line of JSON, and a line that names
 * the current one.
 *
 * <p>Every file is written under another name, forced and then renamed, the line last: a version
 * whose line is there is whole, and one without is none.
 */
final class ModelFolder {
  private static final String CURRENT = "current.json";
  private static final String DOWNLOAD = "download.onnx";

  private final Path folder;

  ModelFolder(Path folder) {
    this.folder = folder;
  }

  /** The model of a version. */
  Path model(long version) {
    return folder.resolve(String.format(Locale.ROOT, "v%06d.safetensors", version));
  }

  private Path line(long version) {
    return folder.resolve(String.format(Locale.ROOT, "v%06d.json", version));
  }

  /** Where a model may be written that is not a version yet. */
  Path candidate() {
    return folder.resolve("candidate.safetensors");
  }

  /** Where a model may be written for a client, in another form. */
  Path download() {
    return folder.resolve(DOWNLOAD);
  }

  /** Removes what a process that was killed may have left. */
  void clean() {
    delete(candidate());
    delete(download());
  }

  /**
   * The sound versions, oldest first; a line tells of each that is not.
   *
   * @throws ServiceException if the folder cannot be read
   */
  List<Version> list(Consumer<String> log) {
    List<Version> versions = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "v*.json")) {
      for (Path file : files) {
        Version version = read(file, log);
        if (version != null) {
          versions.add(version);
        }
      }
    } catch (IOException e) {
      throw ServiceException.file("read the folder", folder, e);
    }
    versions.sort(Comparator.comparingLong(Version::number));
    return versions;
  }

  private @Nullable Version read(Path file, Consumer<String> log) {
    try {
      Version version = Version.fromJson(JsonParser.parse(Files.readString(file)).asObject());
      Path model = model(version.number());
      if (!line(version.number()).equals(file)) {
        throw new IOException("it names version " + version.number());
      }
      if (crc(model) != version.crc()) {
        throw new IOException(model.getFileName() + " is damaged");
      }
      SoundModel.check(model);
      return version;
    } catch (IOException | DateTimeParseException | JsonException | ExchangeException e) {
      String reason =
          e instanceof IOException io
              ? ServiceException.reason(io)
              : String.valueOf(e.getMessage());
      String ended = reason.endsWith(".") ? reason : reason + ".";
      log.accept("Passed over the version in %s: %s".formatted(file, ended));
      return null;
    } catch (IllegalArgumentException e) {
      log.accept("Passed over the version in %s: %s.".formatted(file, e.getMessage()));
      return null;
    }
  }

  /** The number of the version that was current, or null if nothing says. */
  @Nullable Long current(Consumer<String> log) {
    Path file = folder.resolve(CURRENT);
    if (!Files.exists(file)) {
      return null;
    }
    try {
      return JsonParser.parse(Files.readString(file)).asObject().get("current").asLong();
    } catch (IOException | JsonException e) {
      log.accept("%s does not say which version is current: the newest is.".formatted(file));
      return null;
    }
  }

  /**
   * Says which version is current.
   *
   * @throws IOException if that cannot be written; the old line is then still there
   */
  void setCurrent(long version) throws IOException {
    write(folder.resolve(CURRENT), JsonObject.builder().put("current", version).build());
  }

  /**
   * Makes a version out of a model file, which is moved.
   *
   * @throws IOException if that fails: there is no such version then
   */
  void add(Path model, Version version) throws IOException {
    Files.move(model, model(version.number()), StandardCopyOption.ATOMIC_MOVE);
    try {
      Folders.force(folder);
      write(line(version.number()), version.toJson());
    } catch (IOException e) {
      delete(model(version.number()));
      throw e;
    }
  }

  /**
   * Replaces what is known of a version.
   *
   * @throws IOException if that cannot be written; the old line is then still there
   */
  void update(Version version) throws IOException {
    write(line(version.number()), version.toJson());
  }

  /** Removes a version, the line first: what is left of it after a crash is none. */
  void remove(long version) {
    delete(line(version));
    delete(model(version));
  }

  /** Removes a file that nobody needs; one that stays does no harm. */
  static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      System.getLogger(ModelFolder.class.getName())
          .log(System.Logger.Level.WARNING, "Cannot delete " + file, e);
    }
  }

  /**
   * CRC-32C of a file.
   *
   * @throws IOException if it cannot be read
   */
  static long crc(Path file) throws IOException {
    CRC32C crc = new CRC32C();
    byte[] piece = new byte[1 << 16];
    try (InputStream in = Files.newInputStream(file)) {
      for (int read = in.read(piece); read >= 0; read = in.read(piece)) {
        crc.update(piece, 0, read);
      }
    }
    return crc.getValue();
  }

  private void write(Path file, JsonObject json) throws IOException {
    Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
    byte[] line = (JsonWriter.compact(json) + "\n").getBytes(StandardCharsets.UTF_8);
    try {
      try (FileChannel channel =
          FileChannel.open(
              temporary,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        ByteBuffer buffer = ByteBuffer.wrap(line);
        while (buffer.hasRemaining()) {
          channel.write(buffer);
        }
        channel.force(true);
      }
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      Folders.force(folder);
    } catch (IOException e) {
      delete(temporary);
      throw e;
    }
  }
}
