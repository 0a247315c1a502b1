import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonArray;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonValue.JsonString;
import dev.nibble.engine.json.JsonWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * The list of parts as CycloneDX 1.6 writes it, made of Maven's tree of dependencies, the POMs in
 * its local repository, and the jars. It needs no network, and the same sources give the same list.
 */
final class Parts {
  private final PomLicences licences;
  private final Path jars;
  private final Map<String, JsonValue> components = new LinkedHashMap<>();
  private final Map<String, List<String>> needs = new LinkedHashMap<>();

  private Parts(PomLicences licences, Path jars) {
    this.licences = licences;
    this.jars = jars;
  }

  /**
   * Writes the list.
   *
   * @param tree what {@code dependency:tree} wrote as JSON
   * @param repository Maven's local one
   * @param jars the folder that holds every jar of the tree
   * @param time when the archive was made, as it says of itself
   */
  static void write(Path tree, Path repository, Path jars, String time, Path to)
      throws IOException {
    Parts parts = new Parts(new PomLicences(repository), jars);
    JsonObject root = JsonParser.parse(Files.readString(tree)).asObject();
    parts.add(root);
    String first = reference(root);
    JsonValue product = parts.components.remove(first);
    JsonArray components = new JsonArray(List.copyOf(parts.components.values()));
    List<JsonValue> graph = new ArrayList<>();
    parts.needs.forEach(
        (part, needed) ->
            graph.add(
                JsonObject.builder().put("ref", part).put("dependsOn", strings(needed)).build()));
    String serial =
        UUID.nameUUIDFromBytes(JsonWriter.compact(components).getBytes(StandardCharsets.UTF_8))
            .toString();
    JsonObject list =
        JsonObject.builder()
            .put("bomFormat", "CycloneDX")
            .put("specVersion", "1.6")
            .put("serialNumber", "urn:uuid:" + serial)
            .put("version", 1)
            .put(
                "metadata",
                JsonObject.builder().put("timestamp", time).put("component", product).build())
            .put("components", components)
            .put("dependencies", new JsonArray(graph))
            .build();
    Files.writeString(to, JsonWriter.indented(list));
  }

  private void add(JsonObject part) throws IOException {
    String reference = reference(part);
    if (!components.containsKey(reference)) {
      components.put(reference, component(part));
    }
    List<String> needed = needs.computeIfAbsent(reference, r -> new ArrayList<>());
    JsonValue children = part.find("children");
    if (children != null) {
      for (JsonValue child : children.asList()) {
        needed.add(reference(child.asObject()));
        add(child.asObject());
      }
    }
  }

  private JsonObject component(JsonObject part) throws IOException {
    String group = part.get("groupId").asString();
    String name = part.get("artifactId").asString();
    String version = part.get("version").asString();
    List<JsonValue> given = new ArrayList<>();
    for (String licence : licences.of(group, name, version)) {
      String key = licence.contains(" ") ? "name" : "id";
      given.add(
          JsonObject.builder()
              .put("license", JsonObject.builder().put(key, licence).build())
              .build());
    }
    JsonObject.Builder component =
        JsonObject.builder()
            .put("type", part.get("scope").asString().isEmpty() ? "application" : "library")
            .put("bom-ref", reference(part))
            .put("group", group)
            .put("name", name)
            .put("version", version)
            .put("licenses", new JsonArray(given))
            .put("purl", reference(part));
    Path jar = jars.resolve(name + "-" + version + ".jar");
    if (!Files.exists(jar)) {
      throw new IllegalStateException("%s is a part, but %s is missing.".formatted(name, jar));
    }
    return component
        .put(
            "hashes",
            new JsonArray(
                List.of(
                    JsonObject.builder()
                        .put("alg", "SHA-256")
                        .put("content", sha256(jar))
                        .build())))
        .build();
  }

  private static String reference(JsonObject part) {
    return "pkg:maven/%s/%s@%s?type=jar"
        .formatted(
            part.get("groupId").asString(),
            part.get("artifactId").asString(),
            part.get("version").asString());
  }

  private static JsonArray strings(List<String> texts) {
    return new JsonArray(texts.stream().<JsonValue>map(JsonString::new).toList());
  }

  private static String sha256(Path file) throws IOException {
    try {
      return HexFormat.of()
          .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
  }
}
