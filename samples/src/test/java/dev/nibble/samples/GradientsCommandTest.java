package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The report of gradients as a table, as JSON and as a picture. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GradientsCommandTest {
  @SuppressWarnings("NullAway.Init") // set by trainAModel
  private Path folder;

  @BeforeAll
  void trainAModel(@TempDir Path place) throws IOException {
    folder = place;
    String pictures = PictureFolders.create(folder.resolve("pictures"), 8, 2).toString();
    String out = folder.resolve("run").toString();
    InProcess run =
        InProcess.run(
            ("train --model resnet8 --batch 8 --steps 2 --kernels scalar --no-progress --threads 1"
                    + " --data "
                    + pictures
                    + " --out "
                    + out)
                .split(" ", -1));
    assertThat(run.code()).as(run.err()).isZero();
  }

  private InProcess gradients(String... more) {
    List<String> words = new ArrayList<>(List.of("gradients", "--kernels", "scalar"));
    words.addAll(List.of("--threads", "1", "--weights"));
    words.add(folder.resolve("run/model.safetensors").toString());
    words.addAll(List.of("--data", folder.resolve("pictures").toString(), "--batch", "8"));
    words.addAll(List.of(more));
    return InProcess.run(words.toArray(String[]::new));
  }

  @Test
  void aLineALayerAndOneForAll() {
    InProcess result = gradients("--batches", "2", "--activations", "int2");
    assertThat(result.err()).isEmpty();
    assertThat(result.code()).isZero();
    assertThat(result.out())
        .startsWith("resnet8 on pictures, int2 against the exact pass: 2 batches of 8, loss ")
        .contains("naive", "stem", "stages.0.blocks.0.units.0.conv", "head.fc");
    assertThat(result.out().lines().reduce((a, b) -> b).orElse("")).startsWith("all ");
  }

  @Test
  void jsonAndFilesHoldTheSameFigures() throws IOException {
    Path out = folder.resolve("a/report");
    InProcess result = gradients("--batches", "1", "--json", "--out", out.toString());
    assertThat(result.code()).as(result.err()).isZero();
    JsonObject report = JsonParser.parse(result.out()).asObject();
    assertThat(JsonParser.parse(Files.readString(out.resolve("gradients.json")))).isEqualTo(report);
    assertThat(ImageIO.read(out.resolve("gradients.png").toFile()).getWidth()).isGreaterThan(500);
    JsonObject total = report.get("total").asObject();
    double own = error(total.get("gradients").asObject());
    assertThat(own).isBetween(0.001, 0.5);
    assertThat(error(total.get("naive").asObject())).isGreaterThan(own);
    assertThat(report.get("layers").asList()).hasSize(9);
    assertThat(report.get("activations").asString()).isEqualTo("int4");
  }

  private static double error(JsonObject gradients) {
    return gradients.get("weight").asObject().get("error").asDouble();
  }

  @Test
  void theExactWayAgainstItselfIsDrawnToo() {
    Path out = folder.resolve("exact");
    InProcess result =
        gradients("--batches", "1", "--activations", "fp32", "--out", out.toString());
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(out.resolve("gradients.png")).isNotEmptyFile();
    assertThat(result.out()).doesNotContain("naive");
  }

  @Test
  void otherClassesFormatsAndNumbersAreRefusedInASentence() {
    assertRefused(gradients("--activations", "int5"), "--activations can't be 'int5'");
    assertRefused(gradients("--batches", "0"), "at least 1 picture a batch");
    assertRefused(gradients("--data", "shapes"), "--data");
    assertRefused(gradients("--memory-limit", "1KiB"), "needs");
  }

  private static void assertRefused(InProcess result, String words) {
    assertThat(result.code()).isEqualTo(2);
    assertThat(result.err().lines()).hasSize(1);
    assertThat(result.err()).contains(words);
  }
}
