import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * The licence of every part, by the list of parts: the text that its jar holds, else the one of its
 * licence. A part without either ends the build.
 */
final class Licences {
  private static final Pattern TEXT =
      Pattern.compile(
          "(?:.*/)?(?:LICENSE|LICENCE|NOTICE|COPYING)(?:[.-][^/]*)?", Pattern.CASE_INSENSITIVE);

  private Licences() {}

  /** Writes {@code licenses} with a folder for each jar, and {@code PARTS.txt} that lists them. */
  static void write(Path home, List<Path> jars, Path apache, Path texts) throws IOException {
    Path licences = Files.createDirectories(home.resolve("licenses"));
    Map<String, String> names = names(home.resolve("nibble.cdx.json"));
    Map<String, Path> known = new TreeMap<>(Map.of("Apache-2.0", apache));
    Map<Path, String> without = new LinkedHashMap<>();
    StringBuilder parts = new StringBuilder();
    for (Path jar : jars) {
      String file = jar.getFileName().toString();
      String licence = names.get(file);
      if (licence == null) {
        throw new IllegalStateException(file + " is not in the list of parts, nibble.cdx.json.");
      }
      parts.append("%-55s %s%n".formatted(file, licence));
      Path first = extract(jar, licences.resolve(file.replaceAll("\\.jar$", "")));
      if (first == null) {
        without.put(jar, licence);
      } else {
        for (String one : licence.split(" or ")) {
          known.putIfAbsent(one, first);
        }
      }
    }
    for (Map.Entry<Path, String> part : without.entrySet()) {
      String file = part.getKey().getFileName().toString();
      Path text = textFor(file, part.getValue(), known, texts);
      Path folder = Files.createDirectories(licences.resolve(file.replaceAll("\\.jar$", "")));
      Files.copy(text, folder.resolve("LICENSE.txt"), StandardCopyOption.REPLACE_EXISTING);
    }
    Files.writeString(licences.resolve("PARTS.txt"), parts);
  }

  private static Path textFor(String file, String licence, Map<String, Path> known, Path texts)
      throws IOException {
    try (Stream<Path> own = Files.list(texts)) {
      for (Path text : own.sorted().toList()) {
        String prefix = text.getFileName().toString().replaceAll("\\.txt$", "");
        if (file.startsWith(prefix + "-")) {
          return text;
        }
      }
    }
    // "A or B": whichever text is at hand is chosen.
    for (Map.Entry<String, Path> text : known.entrySet()) {
      if (List.of(licence.split(" or ")).contains(text.getKey())) {
        return text.getValue();
      }
    }
    throw new IllegalStateException(
        "%s (%s) has no licence text: add one to %s as NAME.txt.".formatted(file, licence, texts));
  }

  /** Licences by the jars' names. */
  private static Map<String, String> names(Path bom) throws IOException {
    Map<String, String> names = new LinkedHashMap<>();
    JsonObject root = JsonParser.parse(Files.readString(bom)).asObject();
    List<JsonObject> components = new ArrayList<>();
    components.add(root.get("metadata").asObject().get("component").asObject());
    root.get("components").asList().forEach(c -> components.add(c.asObject()));
    for (JsonObject component : components) {
      List<String> licences = new ArrayList<>();
      JsonValue given = component.find("licenses");
      if (given != null) {
        for (JsonValue one : given.asList()) {
          licences.add(name(one.asObject()));
        }
      }
      names.put(
          component.get("name").asString() + "-" + component.get("version").asString() + ".jar",
          licences.isEmpty() ? "unknown" : String.join(" or ", licences));
    }
    return names;
  }

  private static String name(JsonObject choice) {
    JsonValue expression = choice.find("expression");
    if (expression != null) {
      return expression.asString().replace(" OR ", " or ");
    }
    JsonObject licence = choice.get("license").asObject();
    JsonValue id = licence.find("id");
    if (id != null) {
      return id.asString();
    }
    String name = licence.get("name").asString();
    return name.toLowerCase(Locale.ROOT).contains("apache") ? "Apache-2.0" : name;
  }

  /** Copies a jar's texts and returns the first licence among them, or null. */
  private static Path extract(Path jar, Path to) throws IOException {
    Path first = null;
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      for (ZipEntry entry : zip.stream().map(e -> (ZipEntry) e).toList()) {
        if (entry.isDirectory()
            || !TEXT.matcher(entry.getName()).matches()
            || entry.getName().endsWith(".class")) {
          continue;
        }
        String name = entry.getName().substring(entry.getName().lastIndexOf('/') + 1);
        Files.createDirectories(to);
        try (InputStream in = zip.getInputStream(entry)) {
          Files.copy(in, to.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
        if (first == null && !name.toUpperCase(Locale.ROOT).startsWith("NOTICE")) {
          first = to.resolve(name);
        }
      }
    }
    return first;
  }

  /** The runtime is a part, too: its licences lie in {@code runtime/legal}. */
  static void addRuntime(Path home) throws IOException {
    Path bom = home.resolve("nibble.cdx.json");
    JsonObject root = JsonParser.parse(Files.readString(bom)).asObject();
    String licence = "GPL-2.0-only WITH Classpath-exception-2.0";
    JsonObject runtime =
        JsonParser.parse(
                """
                {"type": "platform", "bom-ref": "runtime", "supplier": {"name": %s},
                 "name": "OpenJDK", "version": %s, "licenses": [{"expression": "%s"}]}
                """
                    .formatted(
                        quoted(System.getProperty("java.vendor")),
                        quoted(System.getProperty("java.runtime.version")),
                        licence))
            .asObject();
    List<JsonValue> components = new ArrayList<>(root.get("components").asList());
    components.add(runtime);
    JsonObject.Builder all = JsonObject.builder();
    for (Map.Entry<String, JsonValue> member : root.members().entrySet()) {
      all.put(
          member.getKey(),
          member.getKey().equals("components")
              ? new JsonValue.JsonArray(components)
              : member.getValue());
    }
    Files.writeString(bom, JsonWriter.indented(all.build()));
    Path parts = home.resolve("licenses/PARTS.txt");
    Files.writeString(
        parts,
        Files.readString(parts)
            + "%-55s %s%n"
                .formatted(
                    "runtime (OpenJDK " + System.getProperty("java.runtime.version") + ")",
                    licence));
  }

  private static String quoted(String text) {
    return JsonWriter.compact(new JsonValue.JsonString(text));
  }
}
