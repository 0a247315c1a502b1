package dev.nibble.samples;

import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * All options of a run, by name, as they took effect; saved with it, so that a resume needs none of
 * them again. What decides the weights may not change in a resume.
 */
final class Settings {
  private final Map<String, String> values = new LinkedHashMap<>();
  private final @Nullable Settings saved;
  private final String place;

  private Settings(@Nullable Settings saved, String place) {
    this.saved = saved;
    this.place = place;
  }

  /** For a new run. */
  static Settings fresh() {
    return new Settings(null, "");
  }

  /** For a run that goes on with what was saved in a folder. */
  static Settings resumed(Settings saved, Path folder) {
    return new Settings(saved, folder.toString());
  }

  /**
   * Reads the file in which a run keeps its settings.
   *
   * @throws BadInputException if the file is missing or damaged
   */
  static Settings read(Path file) {
    try {
      Settings settings = fresh();
      settings.values.putAll(JsonParser.parse(Files.readString(file)).asObject().asStrings());
      return settings;
    } catch (IOException e) {
      throw BadInputException.file("resume: cannot read", file, e);
    } catch (JsonException e) {
      throw new BadInputException(file + " is damaged: " + e.getMessage() + ".", e);
    }
  }

  /** The options as a JSON object of strings. */
  String json() {
    return JsonWriter.indented(JsonValue.object(values)) + "\n";
  }

  /** Whether a run goes on. */
  boolean isResumed() {
    return saved != null;
  }

  /** What was saved for an option of the run that goes on. */
  String savedText(String name) {
    if (saved == null) {
      throw new IllegalStateException("This run is new");
    }
    return saved.text(name);
  }

  /** What was saved for an option of the run that goes on, or null; null for a new run, too. */
  @Nullable String findSaved(String name) {
    return saved == null ? null : saved.find(name);
  }

  /** A file of the run that goes on; null for a new run. */
  @Nullable Path file(String name) {
    return saved == null ? null : Path.of(place).resolve(name);
  }

  /**
   * Sets an option that a resume must not change: what was saved, what is given, or the standard.
   */
  void fixed(String name, @Nullable Object given, Object standard) {
    optional(name, given == null && saved == null ? standard : given);
    if (!values.containsKey(name)) {
      throw new BadInputException(
          "The run in %s does not say its %s: it cannot be resumed.".formatted(place, name));
    }
  }

  /** Sets an option that has no standard and that a resume must not change. */
  void optional(String name, @Nullable Object given) {
    String value = given == null ? null : given.toString();
    if (saved != null) {
      String before = saved.values.get(name);
      if (value != null && !value.equals(before)) {
        throw new BadInputException(
            "The run in %s has %s, so it can't go on with %s: leave that out, or start another run."
                .formatted(place, described(name, before), described(name, value)));
      }
      value = before;
    }
    if (value != null) {
      values.put(name, value);
    }
  }

  /** Sets an option that may change at any time. */
  void free(String name, @Nullable Object given, @Nullable Object standard) {
    Object value = given;
    if (value == null && saved != null) {
      value = saved.values.get(name);
    }
    if (value == null) {
      value = standard;
    }
    if (value != null) {
      values.put(name, value.toString());
    }
  }

  private static String described(String name, @Nullable String value) {
    return value == null ? "no --" + name : "--" + name + " " + value;
  }

  /** Whether an option has a value. */
  boolean has(String name) {
    return values.containsKey(name);
  }

  /** An option's value, or null. */
  @Nullable String find(String name) {
    return values.get(name);
  }

  /** An option's value. */
  String text(String name) {
    String value = values.get(name);
    if (value == null) {
      throw new BadInputException("The option --" + name + " has no value.");
    }
    return value;
  }

  int integer(String name) {
    return Math.toIntExact(whole(name));
  }

  long whole(String name) {
    try {
      return Long.parseLong(text(name));
    } catch (NumberFormatException e) {
      throw new BadInputException("--%s is '%s', no number.".formatted(name, text(name)), e);
    }
  }

  float decimal(String name) {
    try {
      return Float.parseFloat(text(name));
    } catch (NumberFormatException e) {
      throw new BadInputException("--%s is '%s', no number.".formatted(name, text(name)), e);
    }
  }

  double real(String name) {
    try {
      return Double.parseDouble(text(name));
    } catch (NumberFormatException e) {
      throw new BadInputException("--%s is '%s', no number.".formatted(name, text(name)), e);
    }
  }

  boolean flag(String name) {
    return Boolean.parseBoolean(text(name));
  }

  /** Comma-separated numbers, or null if there are none. */
  float @Nullable [] decimals(String name) {
    String text = find(name);
    if (text == null) {
      return null;
    }
    String[] parts = text.split(",", -1);
    float[] numbers = new float[parts.length];
    for (int i = 0; i < parts.length; i++) {
      try {
        numbers[i] = Float.parseFloat(parts[i].strip());
      } catch (NumberFormatException e) {
        throw new BadInputException(
            "--%s is '%s': give a number a channel, such as 0.49,0.48,0.45.".formatted(name, text),
            e);
      }
      if (!Float.isFinite(numbers[i])) {
        throw new BadInputException("--%s is '%s': give finite numbers.".formatted(name, text));
      }
    }
    return numbers;
  }
}
