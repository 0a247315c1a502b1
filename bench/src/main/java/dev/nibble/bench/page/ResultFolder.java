package dev.nibble.bench.page;

import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonLimits;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What lies in a folder of results.
 *
 * @param runs runs of the suite and of the sweep over depth, the oldest first
 */
public record ResultFolder(List<RunFile> runs) {
  /** A result and the run that it is of. */
  record Measured(RunFile run, Result result) {
    int threads() {
      return result.threads(run.threads());
    }
  }

  /**
   * Reads all files {@code *.json}; those of another form, such as earlier figures, are passed
   * over.
   *
   * @throws ResultsException naming the file that can't be used, or if there is none
   */
  public static ResultFolder read(Path folder) {
    List<RunFile> runs = new ArrayList<>();
    for (Path file : jsonFiles(folder)) {
      String name = String.valueOf(file.getFileName());
      try {
        JsonValue json = JsonParser.parseUtf8(Files.readAllBytes(file), JsonLimits.DEFAULT);
        if (json instanceof JsonObject object && object.find("results") != null) {
          runs.add(RunFile.of(name, object));
        }
      } catch (JsonException | ResultsException | ArithmeticException e) {
        throw new ResultsException(
            "%s is no file of results (%s): measure it again or take it away."
                .formatted(file, e.getMessage()));
      } catch (IOException e) {
        throw new ResultsException("%s can't be read: %s.".formatted(file, e.getMessage()));
      }
    }
    if (runs.isEmpty()) {
      throw new ResultsException(
          "%s holds no results of the suite: run samples/nibble bench --json %s first."
              .formatted(folder, folder.resolve("suite.json")));
    }
    runs.sort(Comparator.comparing(RunFile::date));
    return new ResultFolder(List.copyOf(runs));
  }

  private static List<Path> jsonFiles(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(".json")).sorted().toList();
    } catch (IOException e) {
      throw new ResultsException(
          "%s is no folder that can be read: name the one that holds the suite's JSON files."
              .formatted(folder));
    }
  }

  /** All results of a kind; of what was measured several times, the newest. */
  List<Measured> newest(String kind) {
    Map<String, Measured> newest = new LinkedHashMap<>();
    for (RunFile run : runs) {
      for (Result result : run.results(kind)) {
        newest.put(result.name() + result.param("pass"), new Measured(run, result));
      }
    }
    return List.copyOf(newest.values());
  }

  /** The newest run. */
  RunFile last() {
    return runs.getLast();
  }
}
