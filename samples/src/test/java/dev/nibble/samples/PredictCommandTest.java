package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.exchange.SafetensorsWriter;
import dev.nibble.engine.exchange.TensorSource;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Predictions where some of the pictures, or the model itself, are of no use. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PredictCommandTest {
  @SuppressWarnings("NullAway.Init") // set by trainAModel
  private Path folder;

  @SuppressWarnings("NullAway.Init") // set by trainAModel
  private Path model;

  @BeforeAll
  void trainAModel(@TempDir Path place) throws IOException {
    folder = place;
    PictureFolders.create(folder.resolve("pictures"), 8, 4);
    InProcess run =
        InProcess.run(
            "train",
            "--data",
            folder.resolve("pictures").toString(),
            "--model",
            "resnet8",
            "--batch",
            "8",
            "--steps",
            "2",
            "--kernels",
            "scalar",
            "--no-progress",
            "--threads",
            "1",
            "--out",
            folder.resolve("run").toString());
    assertThat(run.code()).as(run.err()).isZero();
    model = folder.resolve("run/model.safetensors");
  }

  private String picture(String name) {
    return folder.resolve("pictures/test").resolve(name).toString();
  }

  private InProcess predict(Path weights, String... more) {
    List<String> words = new ArrayList<>(List.of("predict", "--kernels", "scalar"));
    words.addAll(List.of("--threads", "1", "--weights", weights.toString()));
    words.addAll(List.of(more));
    return InProcess.run(words.toArray(String[]::new));
  }

  @Test
  void theGoodPicturesAreAnsweredAndTheBadOnesNamed() throws IOException {
    String broken = Files.writeString(folder.resolve("broken.png"), "no picture").toString();
    String missing = folder.resolve("missing.png").toString();
    Path link = folder.resolve("link.png");
    Files.createSymbolicLink(link, folder.resolve("gone.png"));
    String good = picture("left/p000.png");
    String other = picture("right/p001.png");
    String[] all = {good, broken, missing, folder.toString(), link.toString(), other};
    InProcess result = predict(model, all);
    assertThat(result.code()).isEqualTo(2);
    assertThat(result.out().lines())
        .hasSize(2)
        .anySatisfy(line -> assertThat(line).startsWith(good + ": ").contains("left", "right", "%"))
        .anySatisfy(line -> assertThat(line).startsWith(other + ": "));
    assertThat(result.err().lines()).hasSize(4).allMatch(line -> line.startsWith("nibble: "));
    assertThat(result.err())
        .contains(broken)
        .contains("There is no file " + missing + ".")
        .contains(folder + " is a folder: give picture files.")
        .contains(link + " is a link to a file that is not there.");

    List<String> words = new ArrayList<>(List.of(all));
    words.addFirst("--json");
    InProcess json = predict(model, words.toArray(String[]::new));
    assertThat(json.code()).isEqualTo(2);
    List<JsonValue> entries = JsonParser.parse(json.out()).asList();
    assertThat(entries).hasSize(6);
    assertThat(entries.get(2).asObject().get("error").asString()).contains("There is no file");
    assertThat(entries.get(5).asObject().get("classes").asList()).hasSize(2);
    assertThat(predict(model, good, other).code()).isZero();
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
  void aModelOfADivergedTrainingIsRefusedByEveryCommand(float value) {
    Path spoilt = folder.resolve("spoilt.safetensors");
    List<TensorSource> tensors = new ArrayList<>();
    Map<String, String> metadata;
    try (SafetensorsFile file = SafetensorsFile.open(model)) {
      metadata = file.metadata();
      for (String name : file.names()) {
        float[] values = file.readFloats(name);
        if (name.endsWith("running_var")) {
          values[0] = value;
        }
        tensors.add(TensorSource.floats(name, values, file.shape(name)));
      }
    }
    SafetensorsWriter.write(spoilt, metadata, tensors);
    String pictures = folder.resolve("pictures").toString();
    String weights = spoilt.toString();
    for (InProcess result :
        List.of(
            predict(spoilt, picture("left/p000.png")),
            InProcess.run("evaluate", "--weights", weights, "--data", pictures),
            InProcess.run("export", "--weights", weights, "--onnx", folder + "/m.onnx"),
            InProcess.run(
                "train",
                "--data",
                pictures,
                "--model",
                "resnet8",
                "--batch",
                "8",
                "--init",
                weights,
                "--kernels",
                "scalar",
                "--out",
                folder + "/warm"),
            InProcess.run(
                "serve",
                "--data",
                pictures,
                "--weights",
                weights,
                "--kernels",
                "scalar",
                "--home",
                folder + "/home-" + value))) {
      assertThat(result.code()).isEqualTo(2);
      assertThat(result.err())
          .startsWith("nibble: ")
          .contains("running_var' holds " + value + ", as after a training that diverged")
          .contains(weights)
          .doesNotContain("candidate");
      assertThat(result.out()).doesNotContain("accuracy", "%");
    }
    assertThat(folder.resolve("warm")).doesNotExist();
    assertThat(folder.resolve("m.onnx")).doesNotExist();
  }

  @Test
  void aFileThatIsNoModelIsCalledWhatItIs() throws IOException {
    byte[] jpeg = {(byte) 0xFF, (byte) 0xD8, (byte) 0xFF, (byte) 0xE0, 0, 16, 'J', 'F', 'I', 'F'};
    byte[] zip = {'P', 'K', 3, 4, 20, 0, 0, 8, 8, 0, 0, 0};
    byte[] pickle = {(byte) 0x80, 2, (byte) 0x8a, 0x0a, 0x6c, (byte) 0xfc, (byte) 0x9c, 0x46};
    byte[] onnx = {8, 7, 18, 7, 'p', 'y', 't', 'o', 'r', 'c', 'h'};
    List<Map.Entry<byte[], String>> kinds =
        List.of(
            Map.entry(jpeg, "is no safetensors file: it is a JPEG picture."),
            Map.entry(zip, "PyTorch's own format, which may hold any program: save its state dict"),
            Map.entry(pickle, "PyTorch's own format, which may hold any program"),
            Map.entry(onnx, "it is an ONNX file"),
            Map.entry(
                "{\"weight_map\":{\"a\":\"b\"}}".getBytes(StandardCharsets.UTF_8),
                "it is JSON; if it lists the parts of a model"));
    for (Map.Entry<byte[], String> kind : kinds) {
      Path file = Files.write(folder.resolve("kind.bin"), kind.getKey());
      InProcess result = predict(file, picture("left/p000.png"));
      assertThat(result.err()).contains(kind.getValue()).doesNotContain("header claims");
      assertThat(result.code()).isEqualTo(2);
    }
  }
}
