package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** A run in a real process: its files, and what evaluate and predict make of its model. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TrainProcessTest {
  private static final int STEPS = 24;

  @SuppressWarnings("NullAway.Init") // set by train
  private Path folder;

  @SuppressWarnings("NullAway.Init") // set by train
  private NibbleProcess.Result trained;

  @BeforeAll
  void train(@TempDir Path place) throws IOException, InterruptedException {
    folder = place;
    PictureFolders.create(folder.resolve("pictures"), 32, 8);
    trained =
        NibbleProcess.run(
            folder,
            "train",
            "--data",
            "pictures",
            "--model",
            "resnet8",
            "--batch",
            "8",
            "--steps",
            Integer.toString(STEPS),
            "--augment",
            "none",
            "--lr",
            "0.05",
            "--kernels",
            "scalar",
            "--tensorboard",
            "--out",
            "run");
  }

  private Path file(String name) {
    return folder.resolve("run").resolve(name);
  }

  @Test
  void endsWellAndSaysWhatItDid() {
    assertThat(trained.err()).isEmpty();
    assertThat(trained.code()).isZero();
    assertThat(trained.out())
        .contains("Training resnet8", "64 training and 16 test pictures of 8x8x3, 2 classes")
        .contains("epoch 3/3 done at step 24")
        .contains("Done: resnet8 reaches")
        .contains("model.safetensors, curves.png, metrics.jsonl, plan.json, run.json, checkpoints");
  }

  @Test
  void writesALineForEachStepAndEpoch() throws IOException {
    List<JsonObject> lines =
        Files.readAllLines(file("metrics.jsonl")).stream()
            .map(line -> JsonParser.parse(line).asObject())
            .toList();
    List<JsonObject> steps = lines.stream().filter(l -> l.find("test_loss") == null).toList();
    assertThat(steps).hasSize(STEPS);
    for (int i = 0; i < STEPS; i++) {
      assertThat(steps.get(i).members().keySet())
          .containsExactly(
              "step", "epoch", "loss", "accuracy", "lr", "images_per_second", "step_seconds");
      assertThat(steps.get(i).get("step").asLong()).isEqualTo(i + 1);
      assertThat(steps.get(i).get("epoch").asLong()).isEqualTo(i / 8 + 1);
      assertThat(steps.get(i).get("step_seconds").asDouble()).isPositive();
    }
    assertThat(lines.stream().filter(l -> l.find("test_loss") != null)).hasSize(3);
    assertThat(lines.getLast().get("test_accuracy").asDouble()).isBetween(0.75, 1.0);
  }

  @Test
  void writesEventsForTensorBoard() throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("run"))) {
      // The resumed run of another test leaves a second file, which is later by its name.
      Path events =
          files
              .filter(f -> f.getFileName().toString().startsWith("events.out.tfevents."))
              .min(Comparator.naturalOrder())
              .orElseThrow();
      assertThat(Files.readString(events, StandardCharsets.ISO_8859_1))
          .contains("brain.Event:2", "train/loss", "test/accuracy", "weights/stem.weight");
    }
  }

  @Test
  void drawsCurves() throws IOException {
    assertThat(ImageIO.read(file("curves.png").toFile()).getWidth()).isGreaterThan(1000);
  }

  @Test
  void savesThePlanThatItRan() throws IOException {
    JsonObject plan = JsonParser.parse(Files.readString(file("plan.json"))).asObject();
    assertThat(plan.get("batch").asLong()).isEqualTo(8);
    assertThat(plan.get("total_bytes").asLong())
        .isEqualTo(plan.get("slab_bytes").asLong() + plan.get("scratch_bytes").asLong());
  }

  @Test
  void evaluatesToWhatTrainingSaid() throws IOException, InterruptedException {
    NibbleProcess.Result result =
        NibbleProcess.run(
            folder,
            "evaluate",
            "--weights",
            "run/model.safetensors",
            "--data",
            "pictures",
            "--batch",
            "8",
            "--kernels",
            "scalar",
            "--json");
    assertThat(result.err()).isEmpty();
    JsonObject figures = JsonParser.parse(result.out()).asObject();
    JsonObject last =
        JsonParser.parse(Files.readAllLines(file("metrics.jsonl")).getLast()).asObject();
    assertThat(figures.get("accuracy").asDouble()).isEqualTo(last.get("test_accuracy").asDouble());
    // Batch norm is folded into the weights here, which rounds otherwise.
    assertThat(figures.get("loss").asDouble())
        .isCloseTo(last.get("test_loss").asDouble(), within(1e-4));
    assertThat(figures.get("classes").asObject().members().keySet())
        .containsExactly("left", "right");
  }

  @Test
  void predictsWhatThePicturesShow() throws IOException, InterruptedException {
    NibbleProcess.Result result =
        NibbleProcess.run(
            folder,
            "predict",
            "--weights",
            "run/model.safetensors",
            "pictures/test/left/p000.png",
            "pictures/test/right/p001.png",
            "--kernels",
            "scalar",
            "--json");
    assertThat(result.err()).isEmpty();
    List<JsonValue> pictures = JsonParser.parse(result.out()).asList();
    assertThat(pictures).hasSize(2);
    for (JsonValue picture : pictures) {
      List<JsonValue> classes = picture.asObject().get("classes").asList();
      double sum =
          classes.stream().mapToDouble(c -> c.asObject().get("probability").asDouble()).sum();
      assertThat(sum).isBetween(0.999, 1.001);
      String file = picture.asObject().get("picture").asString();
      String likeliest = classes.getFirst().asObject().get("class").asString();
      assertThat(file).contains(likeliest);
    }
  }

  @Test
  void exportsItsModel() throws IOException {
    String weights = file("model.safetensors").toString();
    Path onnx = folder.resolve("model.onnx");
    InProcess result = InProcess.run("export", "--weights", weights, "--onnx", onnx.toString());
    assertThat(result.err()).isEmpty();
    assertThat(result.code()).isZero();
    assertThat(result.out())
        .isEqualTo(
            onnx
                + ": resnet8, opset 13, batch norm folded; images N,3,8,8 to logits N,2"
                + System.lineSeparator());
    long folded = Files.size(onnx);
    InProcess.run("export", "--weights", weights, "--onnx", onnx.toString(), "--keep-batch-norm");
    assertThat(Files.size(onnx)).isGreaterThan(folded);
    Path place = Files.createDirectories(folder.resolve("place"));
    InProcess refused =
        InProcess.run("export", "--weights", weights, "--onnx", place + "/none/model.onnx");
    assertThat(refused.code()).isEqualTo(2);
    assertThat(refused.err()).contains("Cannot write ONNX file", "no such file or folder");
  }

  @Test
  void refusesToTrainOverIt() throws IOException, InterruptedException {
    NibbleProcess.Result result = NibbleProcess.run(folder, "train", "--out", "run");
    assertThat(result.code()).isEqualTo(2);
    assertThat(result.err())
        .isEqualTo(
            "nibble: run already holds a run (run.json): go on with --resume run, or choose another"
                + " --out.\n");
  }

  @Test
  void resumesACompleteRunToTheSameModel() throws IOException, InterruptedException {
    byte[] before = Files.readAllBytes(file("model.safetensors"));
    NibbleProcess.Result result = NibbleProcess.run(folder, "train", "--resume", "run");
    assertThat(result.err()).isEmpty();
    assertThat(result.out()).contains("already complete");
    assertThat(Files.readAllBytes(file("model.safetensors"))).isEqualTo(before);
  }
}
