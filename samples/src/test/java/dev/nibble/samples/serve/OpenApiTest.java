package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonArray;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonValue.JsonString;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The description of the interface says what the service does: no more, no less. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // set by start
class OpenApiTest {
  /** Routes of the page's own files, which are nobody else's. */
  private static final Set<String> INNER =
      Set.of("GET /assets/{name}", "GET /webjars/uplot/<path>");

  private Tiny tiny;
  private JsonObject description;

  @BeforeAll
  void start(@TempDir Path home) {
    tiny = Tiny.trained(Tiny.options(home));
    tiny.client.post("/examples?label=rows", Tiny.picture(true, 1));
    description = tiny.client.get("/openapi.json").json();
  }

  @AfterAll
  void stop() {
    tiny.close();
  }

  private JsonObject at(String... path) {
    JsonObject at = description;
    for (String name : path) {
      at = at.get(name).asObject();
    }
    return at;
  }

  @Test
  void namesEveryRoute() {
    Set<String> described = new TreeSet<>();
    at("paths")
        .members()
        .forEach(
            (path, methods) ->
                methods
                    .asObject()
                    .members()
                    .keySet()
                    .forEach(m -> described.add(m.toUpperCase(Locale.ROOT) + " " + path)));
    Set<String> routes = new TreeSet<>(tiny.service.routes());
    routes.removeAll(INNER);
    assertThat(described).isEqualTo(routes);
  }

  @Test
  void leadsNowhereElse() {
    Set<String> ids = new TreeSet<>();
    check(description, ids);
    int operations =
        at("paths").members().values().stream().mapToInt(m -> m.asObject().members().size()).sum();
    assertThat(ids).as("each operation has an id of its own").hasSize(operations);
  }

  private void check(JsonValue value, Set<String> ids) {
    if (value instanceof JsonArray array) {
      array.values().forEach(each -> check(each, ids));
    }
    if (value instanceof JsonObject object) {
      object.members().values().forEach(each -> check(each, ids));
      if (object.find("$ref") instanceof JsonString reference) {
        String text = reference.value();
        assertThat(text).startsWith("#/");
        at(text.substring(2).split("/", -1));
      }
      if (object.find("operationId") instanceof JsonString id) {
        ids.add(id.value());
        assertThat(object.get("responses").asObject().members()).isNotEmpty();
        assertThat(object.get("tags").asList()).hasSize(1);
      }
    }
  }

  @Test
  void namesTheMembersOfEveryAnswer() {
    Map<String, String> answers =
        Map.of(
            "/status", "Status",
            "/history", "History",
            "/model", "Model",
            "/model/versions/1", "WholeVersion",
            "/examples", "ExamplePage",
            "/examples/0", "Example",
            "/nowhere", "Error");
    answers.forEach(
        (path, schema) ->
            assertFits(tiny.client.get(path).json(), at("components", "schemas", schema), path));
    assertFits(
        tiny.client.post("/predict", Tiny.picture(true, 1)).json(),
        at("components", "schemas", "Prediction"),
        "/predict");
    assertFits(
        tiny.client
            .postForm("/predict/batch", Map.of("a", Tiny.picture(true, 1), "b", new byte[1]))
            .json(),
        at("components", "schemas", "Predictions"),
        "/predict/batch");
    assertFits(
        tiny.client.post("/examples?label=rows", Tiny.picture(true, 1)).json(),
        at("components", "schemas", "Added"),
        "/examples");
  }

  /** Members, kinds and nulls are those of the schema. */
  private void assertFits(JsonValue value, JsonObject given, String where) {
    JsonObject schema = given;
    if (given.find("$ref") instanceof JsonString reference) {
      schema = at(reference.value().substring(2).split("/", -1));
    }
    JsonValue type = schema.find("type");
    if (type != null) {
      List<String> types =
          type instanceof JsonArray several
              ? several.values().stream().map(JsonValue::asString).toList()
              : List.of(type.asString());
      assertThat(types).as(where + " is " + value).containsAnyElementsOf(kinds(value));
    }
    if (value instanceof JsonArray array) {
      JsonObject items = schema.get("items").asObject();
      array.values().forEach(each -> assertFits(each, items, where + "[]"));
    }
    if (value instanceof JsonObject object && schema.find("properties") != null) {
      JsonObject properties = schema.get("properties").asObject();
      assertThat(properties.members().keySet()).as(where).containsAll(object.members().keySet());
      if (schema.find("required") instanceof JsonArray required) {
        assertThat(object.members().keySet())
            .as(where)
            .containsAll(required.values().stream().map(JsonValue::asString).toList());
      }
      object
          .members()
          .forEach(
              (name, each) ->
                  assertFits(each, properties.get(name).asObject(), where + "." + name));
    }
  }

  private static List<String> kinds(JsonValue value) {
    return switch (value) {
      case JsonObject o -> List.of("object");
      case JsonArray a -> List.of("array");
      case JsonString s -> List.of("string");
      case JsonValue.JsonNumber n ->
          n.text().matches("-?[0-9]+") ? List.of("integer", "number") : List.of("number");
      case JsonValue.JsonBoolean b -> List.of("boolean");
      case JsonValue.JsonNull n -> List.of("null");
    };
  }

  /** One style of names, as in all JSON that Nibble writes. */
  @Test
  void namesAreOfOneStyle() {
    for (String path : List.of("/status", "/model", "/model/versions/1", "/examples", "/history")) {
      assertSnakeCase(tiny.client.get(path).json(), path);
    }
    assertSnakeCase(JsonParser.parse(tiny.client.get("/nowhere").text()), "/nowhere");
  }

  private static void assertSnakeCase(JsonValue value, String where) {
    if (value instanceof JsonArray array) {
      array.values().forEach(each -> assertSnakeCase(each, where));
    }
    if (value instanceof JsonObject object) {
      object
          .members()
          .forEach(
              (name, each) -> {
                assertThat(name).as(where).matches("[a-z][a-z0-9]*(_[a-z0-9]+)*");
                assertSnakeCase(each, where + "." + name);
              });
    }
  }

  @Test
  void noDescribedRouteIsMissing() {
    at("paths")
        .members()
        .forEach(
            (path, methods) -> {
              String real = path.replace("{id}", "99").replace("{version}", "99");
              for (String method : methods.asObject().members().keySet()) {
                if (real.equals("/events") || real.equals("/retrain")) {
                  continue; // one goes on for ever, the other trains
                }
                String name = method.toUpperCase(Locale.ROOT);
                int status =
                    tiny.client
                        .send(
                            tiny.client.request(real).method(name, BodyPublishers.noBody()).build())
                        .status();
                Set<String> said = at("paths", path, method, "responses").members().keySet();
                assertThat(said).as(name + " " + real).contains(String.valueOf(status));
              }
            });
  }
}
