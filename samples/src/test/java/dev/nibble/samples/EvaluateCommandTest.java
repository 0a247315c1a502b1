package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
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

/** Metrics of a model, and validation pictures on the command line. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EvaluateCommandTest {
  @SuppressWarnings("NullAway.Init") // set by trainAModel
  private Path folder;

  @SuppressWarnings("NullAway.Init") // set by trainAModel
  private InProcess trained;

  @BeforeAll
  void trainAModel(@TempDir Path place) throws IOException {
    folder = place;
    String pictures = PictureFolders.create(folder.resolve("pictures"), 10, 6).toString();
    trained =
        InProcess.run(
            ("train --model resnet8 --batch 8 --epochs 2 --kernels scalar --no-progress"
                    + " --threads 1 --val-split 0.2 --early-stopping 2 --data "
                    + pictures
                    + " --out "
                    + folder.resolve("run"))
                .split(" ", -1));
    assertThat(trained.code()).as(trained.err()).isZero();
  }

  private InProcess evaluate(String... more) {
    List<String> words = new ArrayList<>(List.of("evaluate", "--kernels", "scalar"));
    words.addAll(List.of("--threads", "1", "--weights"));
    words.add(folder.resolve("run/model.safetensors").toString());
    words.addAll(List.of("--data", folder.resolve("pictures").toString()));
    words.addAll(List.of(more));
    return InProcess.run(words.toArray(String[]::new));
  }

  @Test
  void aShareOfTheTrainingPicturesIsForValidation() throws IOException {
    assertThat(trained.out())
        .contains("16 training, 4 validation and 12 test pictures", "; validation loss ")
        .contains("Done: resnet8 reaches ")
        .doesNotContain("; test loss", "Warning");
    assertThat(Files.readString(folder.resolve("run/metrics.jsonl")))
        .contains("\"validation_accuracy\":")
        .doesNotContain("\"test_accuracy\":");
    assertThat(Files.readString(folder.resolve("run/run.json"))).contains("\"val-split\": \"0.2\"");
    InProcess resumed =
        InProcess.run("train", "--resume", folder.resolve("run").toString(), "--no-progress");
    assertThat(resumed.code()).as(resumed.err()).isZero();
  }

  @Test
  void textSaysWhatIsConfused() {
    InProcess result = evaluate();
    assertThat(result.err()).isEmpty();
    assertThat(result.code()).isZero();
    assertThat(result.out())
        .startsWith("resnet8 on 12 pictures of pictures: accuracy ")
        .contains("mean F1 ", "precision ", "  left ", "  right ")
        .doesNotContain("top-5");
  }

  @Test
  void jsonHoldsTheMatrixAndItsPictureIsDrawn() throws IOException {
    Path out = folder.resolve("report");
    InProcess result = evaluate("--json", "--out", out.toString());
    assertThat(result.code()).as(result.err()).isZero();
    JsonObject report = JsonParser.parse(result.out()).asObject();
    assertThat(JsonParser.parse(Files.readString(out.resolve("evaluation.json"))))
        .isEqualTo(report);
    long sum = 0;
    long diagonal = 0;
    List<JsonValue> rows = report.get("confusion").asList();
    for (int i = 0; i < rows.size(); i++) {
      for (int j = 0; j < rows.size(); j++) {
        long count = rows.get(i).asList().get(j).asLong();
        sum += count;
        diagonal += i == j ? count : 0;
      }
    }
    assertThat(sum).isEqualTo(12);
    assertThat(report.get("accuracy").asDouble()).isEqualTo(diagonal / 12.0);
    assertThat(report.get("top5_accuracy").asDouble()).isEqualTo(1);
    assertThat(ImageIO.read(out.resolve("confusion.png").toFile()).getWidth()).isGreaterThan(100);
  }

  @Test
  void onlyValidationPicturesThatThereAreCanBeEvaluated() {
    InProcess result = evaluate("--split", "validation");
    assertThat(result.code()).isEqualTo(2);
    assertThat(result.err()).contains("has no validation pictures");
  }

  @Test
  void aShareThatIsNoneIsRefused() {
    InProcess result =
        InProcess.run("train", "--val-split", "1.5", "--out", folder.resolve("no").toString());
    assertThat(result.code()).isEqualTo(2);
    assertThat(result.err()).contains("--val-split is 1.5");
    assertThat(folder.resolve("no")).doesNotExist();
  }
}
