package dev.nibble.samples;

import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonArray;
import dev.nibble.engine.json.JsonValue.JsonBoolean;
import dev.nibble.engine.json.JsonValue.JsonNumber;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonValue.JsonString;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/**
 * Options from a file: flat YAML, a line an option without its dashes ({@code lr: 0.2}), values
 * plain, quoted, or lists in brackets; or a JSON object, such as the run.json of a run.
 */
final class ConfigFile {
  private static final long MOST_BYTES = 1 << 20;

  /** What a run.json holds beside options. */
  private static final Set<String> NO_OPTIONS = Set.of("pictures");

  /** What says which run it is: not for a file that many runs may share. */
  private static final Set<String> ELSEWHERE = Set.of("config", "resume", "help", "version");

  private final Path path;
  private final Map<String, String> values = new LinkedHashMap<>();

  private ConfigFile(Path path) {
    this.path = path;
  }

  /**
   * Reads a file.
   *
   * @throws BadInputException if it cannot be read, saying which line
   */
  static ConfigFile read(Path path) {
    ConfigFile file = new ConfigFile(path);
    try {
      if (Files.size(path) > MOST_BYTES) {
        throw new BadInputException(path + " is too large for a file of options.");
      }
      String text = Files.readString(path);
      if (text.stripLeading().startsWith("{")) {
        file.readJson(text);
      } else {
        file.readLines(text);
      }
    } catch (IOException e) {
      throw BadInputException.file("read", path, e);
    }
    return file;
  }

  private void readJson(String text) {
    try {
      JsonObject object = JsonParser.parse(text).asObject();
      object.members().forEach((name, value) -> values.put(name, text(name, value)));
    } catch (JsonException e) {
      throw new BadInputException("%s does not read: %s.".formatted(path, e.getMessage()), e);
    }
  }

  private String text(String name, JsonValue value) {
    return switch (value) {
      case JsonString s -> s.value();
      case JsonNumber n -> n.text();
      case JsonBoolean b -> Boolean.toString(b.value());
      case JsonArray a ->
          String.join(",", a.values().stream().map(item -> text(name, item)).toList());
      default ->
          throw new BadInputException(
              "%s: the option '%s' needs a value: a word, a number, true or false."
                  .formatted(path, name));
    };
  }

  private void readLines(String text) {
    List<String> lines = text.lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      String line = withoutComment(lines.get(i));
      if (line.isBlank() || line.strip().equals("---")) {
        continue;
      }
      int colon = line.indexOf(':');
      boolean nested = Character.isWhitespace(line.charAt(0)) || line.startsWith("-");
      if (colon < 1 || nested || line.substring(colon + 1).isBlank()) {
        throw new BadInputException(
            "%s, line %d: write an option and its value, such as 'lr: 0.2', without indenting."
                .formatted(path, i + 1));
      }
      String name = unquoted(line.substring(0, colon).strip());
      if (values.put(name, value(line.substring(colon + 1).strip())) != null) {
        throw new BadInputException(
            "%s, line %d: the option '%s' is there twice.".formatted(path, i + 1, name));
      }
    }
  }

  /** A # at the beginning or behind a blank begins a comment, unless it is quoted. */
  private static String withoutComment(String line) {
    char quote = 0;
    for (int i = 0; i < line.length(); i++) {
      char letter = line.charAt(i);
      if (quote == 0 && letter == '#' && (i == 0 || Character.isWhitespace(line.charAt(i - 1)))) {
        return line.substring(0, i);
      }
      if (quote == 0 && (letter == '"' || letter == '\'')) {
        quote = letter;
      } else if (letter == quote) {
        quote = 0;
      }
    }
    return line;
  }

  private static String value(String text) {
    if (!text.startsWith("[") || !text.endsWith("]")) {
      return unquoted(text);
    }
    List<String> items = new ArrayList<>();
    for (String item : text.substring(1, text.length() - 1).split(",", -1)) {
      items.add(unquoted(item.strip()));
    }
    return String.join(",", items);
  }

  private static String unquoted(String text) {
    boolean quoted =
        text.length() > 1
            && (text.charAt(0) == '"' || text.charAt(0) == '\'')
            && text.charAt(text.length() - 1) == text.charAt(0);
    return quoted ? text.substring(1, text.length() - 1) : text;
  }

  /**
   * The options as arguments, but for those that were given on the command line, which count.
   *
   * @throws BadInputException if the command has no such option
   */
  List<String> arguments(CommandSpec command, ParseResult given) {
    List<String> arguments = new ArrayList<>();
    values.forEach(
        (name, value) -> {
          if (!NO_OPTIONS.contains(name) && !given.hasMatchedOption("--" + name)) {
            add(arguments, command, name, value);
          }
        });
    return arguments;
  }

  private void add(List<String> arguments, CommandSpec command, String name, String value) {
    OptionSpec option = ELSEWHERE.contains(name) ? null : command.findOption("--" + name);
    if (option == null) {
      List<String> names =
          command.options().stream()
              .map(o -> o.longestName().replaceFirst("^--", ""))
              .filter(n -> !ELSEWHERE.contains(n))
              .toList();
      String nearest = Names.nearest(name, names);
      throw new BadInputException(
          "%s: there is no option '%s'%s."
              .formatted(path, name, nearest.isEmpty() ? "" : ", did you mean " + nearest + "?")
              .replace("?.", "?"));
    }
    boolean flag = option.arity().max() == 0;
    if (flag && !value.equals("true") && !value.equals("false")) {
      throw new BadInputException(
          "%s: the option '%s' is true or false, not '%s'.".formatted(path, name, value));
    }
    if (!flag) {
      arguments.add("--" + name + "=" + value);
    } else if (value.equals("true")) {
      arguments.add("--" + name);
    }
  }
}
