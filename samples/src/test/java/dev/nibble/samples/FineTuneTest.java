package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.sources.InMemoryDataset;
import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.exchange.onnx.BatchNorms;
import dev.nibble.engine.exchange.onnx.OnnxExport;
import dev.nibble.engine.exchange.onnx.OnnxImport;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.memory.MemoryAccount;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The walk-through of FINE-TUNE.md, command by command: a network that is trained here first and
 * exported to ONNX is inspected, planned, fine-tuned within 512 MiB on JPEGs at 224x224 with frozen
 * early stages, evaluated, asked, exported and served.
 */
class FineTuneTest {
  private static final Path PAGE =
      Path.of(System.getProperty("nibble.root", ".."), "samples", "FINE-TUNE.md");
  private static final FeatureMap INPUT = new FeatureMap(224, 224, 3);
  private static final String NIBBLE = "    samples/nibble ";
  private static final Pattern PORT = Pattern.compile("Serving at (http://127\\.0\\.0\\.1:\\d+)");
  private static final long LIMIT = 512L << 20;

  /** Paths of the page, which lie in the test's folder. */
  private static final Pattern PLACE = Pattern.compile("(photos|pretrained|tuned)([./-].*)?");

  @TempDir private Path folder;

  private static List<String> commands() throws IOException {
    return Files.readAllLines(PAGE).stream()
        .filter(line -> line.startsWith(NIBBLE))
        .map(line -> line.substring(NIBBLE.length()).strip())
        .toList();
  }

  private List<String> words(String command) {
    List<String> words = new ArrayList<>();
    for (String word : command.split(" ", -1)) {
      words.add(PLACE.matcher(word).matches() ? folder.resolve(word).toString() : word);
    }
    return words;
  }

  @Test
  void thePageWorksAsItStands() throws Exception {
    pretrain();
    drawPictures();
    List<String> verbs = new ArrayList<>();
    for (String command : commands()) {
      List<String> words = words(command);
      verbs.add(words.getFirst());
      if (words.getFirst().equals("serve")) {
        serve(words);
      } else {
        InProcess result = InProcess.run(words.toArray(String[]::new));
        assertThat(result.code()).as("%s: %s", command, result.err()).isZero();
        check(words.getFirst(), result.out());
      }
    }
    assertThat(verbs)
        .containsExactly(
            "inspect", "plan", "gradients", "train", "evaluate", "predict", "export", "serve");
    checkModel();
  }

  private static void check(String verb, String out) {
    switch (verb) {
      case "inspect" -> assertThat(out).contains("ONNX", "layer1.0.conv1", "int4");
      case "plan" -> assertThat(out).contains("Largest batch within 512 MiB: ");
      case "gradients" -> assertThat(out).contains("layer1.0.conv1");
      case "train" ->
          assertThat(out)
              .contains(
                  "pretrained.onnx knows other classes: the head (fc) starts anew, the rest is"
                      + " kept.",
                  "Pictures are normalised by mean 0.4,0.5,0.6, std 0.2,0.3,0.25",
                  "12 training, 4 validation and 4 test pictures of 224x224x3, 2 classes",
                  "Fits --memory-limit");
      case "evaluate" -> assertThat(out).contains("pretrained on 4 pictures of photos: accuracy ");
      case "predict" -> assertThat(out).containsPattern("p000\\.jpg: (left|right) [0-9.]+ %");
      case "export" -> assertThat(out).contains("images N,3,224,224 to logits N,2");
      default -> throw new AssertionError("The page has a command more: " + verb);
    }
  }

  /** What was frozen is as it was, and the file says how its pictures are cut. */
  private void checkModel() throws IOException {
    Path tuned = folder.resolve("tuned/model.safetensors");
    ModelInfo info = ModelFile.info(tuned);
    assertThat(info.classes()).containsExactly("left", "right");
    assertThat(info.network().hasParameter("layer1.0.bn1.running_mean")).isTrue();
    try (OnnxImport before = OnnxImport.open(folder.resolve("pretrained.onnx"));
        SafetensorsFile after = SafetensorsFile.open(tuned)) {
      for (String name :
          List.of("conv1.weight", "layer1.0.conv1.weight", "layer2.0.bn1.running_mean")) {
        assertThat(after.readFloats(name)).as(name).isEqualTo(before.weights().readFloats(name));
      }
      assertThat(after.readFloats("layer2.0.conv1.weight"))
          .isNotEqualTo(before.weights().readFloats("layer2.0.conv1.weight"));
    }
    JsonObject plan =
        JsonParser.parse(Files.readString(folder.resolve("tuned/plan.json"))).asObject();
    assertThat(plan.get("total_bytes").asLong()).isLessThanOrEqualTo(LIMIT);
  }

  private void serve(List<String> words) throws Exception {
    List<String> options = List.of("-Dnibble.kernels=auto", "-XX:TieredStopAtLevel=4");
    try (NibbleProcess process = NibbleProcess.start(folder, options, Map.of(), words);
        HttpClient http = HttpClient.newHttpClient()) {
      Matcher address = PORT.matcher(process.awaitOutput("Ctrl-C stops"));
      assertThat(address.find()).isTrue();
      HttpRequest request =
          HttpRequest.newBuilder(URI.create(address.group(1) + "/predict"))
              .timeout(Duration.ofSeconds(60))
              .POST(HttpRequest.BodyPublishers.ofFile(folder.resolve("photos/left/p000.jpg")))
              .build();
      HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      assertThat(answer.body()).contains("left", "right");
    }
  }

  /** Layers and names as a ResNet has them; small, and of other classes than the pictures'. */
  private static Network network() {
    NetworkBuilder b = Network.builder("resnet", INPUT).epsilon(1e-5f);
    Node x = b.relu(b.batchNorm("bn1", b.convolution("conv1", b.input(), 8, 7, 4)));
    x = b.maxPool(x, 3, 2);
    x = block(b, x, "layer1.0.", 8, 1);
    x = block(b, x, "layer2.0.", 16, 2);
    return b.build(b.dense("fc", b.globalAveragePool(x), 3));
  }

  private static Node block(NetworkBuilder b, Node x, String prefix, int channels, int stride) {
    Node y = b.convolution(prefix + "conv1", x, channels, 3, stride);
    y = b.relu(b.batchNorm(prefix + "bn1", y));
    y = b.batchNorm(prefix + "bn2", b.convolution(prefix + "conv2", y, channels, 3, 1));
    if (stride == 1) {
      return b.relu(b.add(y, x));
    }
    Node side = b.convolution(prefix + "downsample.0", x, channels, 1, stride);
    return b.relu(b.add(y, b.batchNorm(prefix + "downsample.1", side)));
  }

  private void pretrain() {
    List<String> classes = List.of("cat", "dog", "fox");
    SplittableRandom random = new SplittableRandom(1);
    TrainingOptions options =
        TrainingOptions.builder()
            .batch(6)
            .steps(2)
            .normalization(new float[] {0.4f, 0.5f, 0.6f}, new float[] {0.2f, 0.3f, 0.25f})
            .build();
    Path weights = folder.resolve("pretrained.safetensors");
    try (MemoryAccount account = MemoryAccount.root("test", LIMIT);
        InMemoryDataset.Builder train = InMemoryDataset.builder(INPUT, classes);
        InMemoryDataset.Builder test = InMemoryDataset.builder(INPUT, classes)) {
      for (int i = 0; i < 9; i++) {
        byte[] picture = new byte[INPUT.values()];
        random.nextBytes(picture);
        (i < 6 ? train : test).add(picture, i % 3);
      }
      try (DataSplits data = new DataSplits(train.build(), test.build(), "noise");
          Trainer trainer =
              Trainer.open(network(), data, options, KernelProvider.choose("auto"), account)) {
        trainer.run(new TrainingListener() {});
        trainer.saveModel(weights);
      }
    }
    OnnxExport.write(folder.resolve("pretrained.onnx"), weights, BatchNorms.KEPT);
  }

  /** Bright at one side, of many shapes, as photographs are. */
  private void drawPictures() throws IOException {
    SplittableRandom random = new SplittableRandom(2);
    for (String side : List.of("left", "right")) {
      Path place = Files.createDirectories(folder.resolve("photos").resolve(side));
      for (int i = 0; i < 10; i++) {
        int width = 230 + random.nextInt(90);
        int height = 230 + random.nextInt(90);
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        int[] row = new int[width];
        for (int y = 0; y < height; y++) {
          Arrays.setAll(
              row, x -> 0x010101 * (((x < width / 2) == side.equals("left") ? 160 : 30) + x % 50));
          image.setRGB(0, y, width, 1, row, 0, width);
        }
        Path file = place.resolve("p%03d.jpg".formatted(i));
        assertThat(ImageIO.write(image, "jpg", file.toFile())).isTrue();
      }
    }
  }
}
