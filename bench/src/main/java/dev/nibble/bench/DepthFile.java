package dev.nibble.bench;

import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The sweep's JSON file, in the suite's form ({@link SuiteJson}): rows of the kind {@code depth},
 * each with the commit and the time at which it was measured. It is whole after every row.
 */
final class DepthFile {
  private final Path file;
  private final JsonObject head;
  private final String commit;
  private final Map<String, JsonObject> rows = new LinkedHashMap<>();

  private DepthFile(Path file, String command, int threads, String kernels) {
    this.file = file;
    this.commit = Machine.commit(folder(file));
    this.head =
        JsonObject.builder()
            .put("commit", commit)
            .put("date", now())
            .put("command", command)
            .put("cpu", Machine.processor())
            .put("os", Machine.system())
            .put("jdk", Machine.jdk())
            .put("kernels", kernels)
            .put("threads", threads)
            .put("quick", false)
            .build();
    for (DepthCase row : DepthCase.all()) {
      rows.put(row.name(), JsonObject.builder().build()); // their order in the file
    }
  }

  /**
   * Opens a file, or starts a new one.
   *
   * @throws IllegalArgumentException if its folder does not exist or it is not such a file
   * @throws IOException if it cannot be read
   */
  static DepthFile open(Path file, String command, int threads, String kernels) throws IOException {
    if (!Files.isDirectory(folder(file)) || Files.isDirectory(file)) {
      throw new IllegalArgumentException(
          "%s can't be written: name a file in a folder that exists.".formatted(file));
    }
    DepthFile results = new DepthFile(file, command, threads, kernels);
    if (Files.exists(file)) {
      try {
        for (JsonValue value :
            JsonParser.parse(Files.readString(file)).asObject().get("results").asList()) {
          results.rows.put(value.asObject().get("name").asString(), value.asObject());
        }
      } catch (JsonException e) {
        throw new IllegalArgumentException(
            "%s is no file of the sweep (%s): name another one.".formatted(file, e.getMessage()),
            e);
      }
    }
    return results;
  }

  private static Path folder(Path file) {
    Path folder = file.getParent();
    return folder == null ? file : folder;
  }

  private static String now() {
    return Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
  }

  /** Whether the row was measured before. */
  boolean holds(String name) {
    JsonObject row = rows.get(name);
    return row != null && row.find("seconds") != null;
  }

  /**
   * Writes a row in place of the one of its name; a row that could not be measured replaces none
   * that was.
   *
   * @throws IOException if the file can't be written
   */
  void put(String name, JsonObject row) throws IOException {
    if (row.find("seconds") != null || !holds(name)) {
      JsonObject.Builder dated = JsonObject.builder();
      row.members().forEach(dated::put);
      rows.put(name, dated.put("commit", commit).put("date", now()).build());
    }
    JsonObject.Builder json = JsonObject.builder();
    head.members().forEach(json::put);
    List<JsonObject> measured =
        rows.values().stream().filter(value -> !value.members().isEmpty()).toList();
    String text = JsonWriter.indented(json.put("results", JsonValue.array(measured)).build());
    Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
    Files.writeString(temporary, text + "\n");
    Files.move(
        temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }
}
