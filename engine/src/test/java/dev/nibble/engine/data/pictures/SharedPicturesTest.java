package dev.nibble.engine.data.pictures;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Pictures as cameras, phones and editors write them, against the pixels that PIL gives. */
class SharedPicturesTest {
  private static final Path FOLDER =
      Path.of(System.getProperty("nibble.shared", "../../shared"), "pictures");

  /** Measured: none at all; PIL's own resizing rounds twice. */
  private static final int MOST_OFF = 2;

  private static final int MOST_OFF_RESIZED = 3;

  static Stream<String> names() throws IOException {
    return expected().keySet().stream().filter(name -> !name.endsWith(".webp"));
  }

  private static Map<String, JsonObject> expected() throws IOException {
    Path file = FOLDER.resolve("expected.json");
    if (!Files.exists(file)) {
      assertThat(System.getenv("CI"))
          .as("in CI the pictures must lie in %s", FOLDER.toAbsolutePath())
          .isNotEqualTo("true");
      abort("no pictures in " + FOLDER.toAbsolutePath() + "; set -Dnibble.shared=FOLDER");
    }
    Map<String, JsonObject> all = new TreeMap<>();
    JsonParser.parse(Files.readString(file))
        .asObject()
        .members()
        .forEach((name, value) -> all.put(name, value.asObject()));
    return all;
  }

  @ParameterizedTest
  @MethodSource("names")
  void pixelsAreThoseOfPil(String name) throws IOException {
    JsonObject expected = Objects.requireNonNull(expected().get(name));
    Path path = FOLDER.resolve(name);
    if (expected.find("error") != null) {
      assertThatThrownBy(() -> PictureDecoder.decode(path, true))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("the file ends before the picture does");
      assertThat(PictureDecoder.fault(path)).isEqualTo("the file ends before the picture does");
      return;
    }
    assertThat(PictureDecoder.fault(path)).isNull();
    RgbPicture picture = PictureDecoder.decode(path, true);
    List<JsonValue> size = expected.get("size").asList();
    int width = (int) size.getFirst().asLong();
    int height = (int) size.getLast().asLong();
    assertThat(PictureDecoder.size(path, true)).isEqualTo(new PictureSize(height, width));
    if (picture.width() == width) { // else it was reduced, and pixels are means
      check(expected.get("rgb").asObject(), picture.rgb(), width, MOST_OFF);
    }
    byte[] resized = PictureResizer.resize(picture, new PictureSize(32, 32));
    check(expected.get("resized_32x32").asObject(), resized, 32, MOST_OFF_RESIZED);
  }

  private static void check(JsonObject points, byte[] rgb, int width, int most) {
    assertThat(points.members()).isNotEmpty();
    points
        .members()
        .forEach(
            (point, values) -> {
              String[] xy = point.split(",", -1);
              int at = 3 * (Integer.parseInt(xy[1]) * width + Integer.parseInt(xy[0]));
              for (int channel = 0; channel < 3; channel++) {
                int value = (int) values.asList().get(channel).asLong();
                assertThat(rgb[at + channel] & 0xFF)
                    .as("channel %d at %s", channel, point)
                    .isBetween(value - most, value + most);
              }
            });
  }

  /** WebP needs a library, which the engine does not pull in. */
  @Test
  void saysWhatWebpNeeds() throws IOException {
    assertThat(expected()).containsKey("other.webp");
    Path path = FOLDER.resolve("other.webp");
    assertThat(PictureDecoder.size(path, true)).isEqualTo(new PictureSize(40, 56));
    assertThatThrownBy(() -> PictureDecoder.decode(path, true))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("com.twelvemonkeys.imageio:imageio-webp");
  }
}
