package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DepthFileTest {
  private static final String SHALLOW = "resnet20 int4 batch 128";
  private static final String DEEP = "resnet1001 int4 batch 128";

  @TempDir Path folder = Path.of("");

  private DepthFile open() throws IOException {
    return DepthFile.open(folder.resolve("depth.json"), "nibble bench --depth", 2, "vector");
  }

  private static JsonObject row(String name, double seconds) {
    JsonObject.Builder row = JsonObject.builder().put("kind", "depth").put("name", name);
    return seconds > 0 ? row.put("seconds", seconds).build() : row.build();
  }

  private List<JsonObject> rows() throws IOException {
    return JsonParser.parse(Files.readString(folder.resolve("depth.json")))
        .asObject()
        .get("results")
        .asList()
        .stream()
        .map(JsonValue::asObject)
        .toList();
  }

  @Test
  void rowsAreReplacedInTheSweepsOrderAndTheOthersStay() throws IOException {
    open().put(DEEP, row(DEEP, 7));
    DepthFile again = open();
    again.put(SHALLOW, row(SHALLOW, 0.25));
    again.put(SHALLOW, row(SHALLOW, 0.125));
    assertThat(rows()).extracting(r -> r.get("name").asString()).containsExactly(SHALLOW, DEEP);
    assertThat(rows()).extracting(r -> r.get("seconds").asDouble()).containsExactly(0.125, 7.0);
    assertThat(rows()).allSatisfy(r -> assertThat(r.get("date").asString()).endsWith("Z"));
  }

  @Test
  void whatCouldNotBeMeasuredReplacesNothingThatWas() throws IOException {
    DepthFile file = open();
    file.put(SHALLOW, row(SHALLOW, 0));
    assertThat(file.holds(SHALLOW)).isFalse();
    file.put(SHALLOW, row(SHALLOW, 0.25));
    file.put(SHALLOW, row(SHALLOW, 0));
    assertThat(file.holds(SHALLOW)).isTrue();
    assertThat(rows()).extracting(r -> r.get("seconds").asDouble()).containsExactly(0.25);
  }

  @Test
  void anotherFileIsNotOverwritten() throws IOException {
    Path file = Files.writeString(folder.resolve("depth.json"), "{\"runs\": []}");
    assertThatThrownBy(this::open)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(
            "depth.json is no file of the sweep (the member 'results' is missing)");
    assertThat(file).hasContent("{\"runs\": []}");
  }
}
