package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Options of a training from a file, and fine-tuning's options among them. */
class ConfigFileTest {
  @TempDir private Path folder;

  @BeforeEach
  void makePictures() throws IOException {
    PictureFolders.create(folder.resolve("pictures"), 8, 4);
  }

  private InProcess train(String config, String... more) throws IOException {
    Path file = Files.writeString(folder.resolve("options.yaml"), config);
    List<String> words = new ArrayList<>(List.of("train", "--config", file.toString()));
    words.addAll(List.of(more));
    return InProcess.run(words.toArray(String[]::new));
  }

  private JsonObject settings(String run) throws IOException {
    return JsonParser.parse(Files.readString(folder.resolve(run).resolve("run.json"))).asObject();
  }

  @Test
  void aFilesOptionsCountUnlessTheyAreGivenAndItsRunsSettingsMakeItAgain() throws IOException {
    InProcess first =
        train(
            """
            ---
            # what is trained
            data: '%s'   # a folder
            model: resnet8
            batch: 8
            steps: 2
            kernels: scalar
            threads: 1
            no-progress: true
            no-shuffle: false
            lr: 0.05
            seed: 9
            freeze: [stem, "stages.0"]
            freeze-batch-norm: true
            lr-scale: head=10, stages.1.*=0.5
            augment: crop-flip,color-jitter,trivial-augment,random-erasing
            """
                .formatted(folder.resolve("pictures")),
            "--seed",
            "3",
            "--out",
            folder.resolve("first").toString());
    assertThat(first.err()).isEmpty();
    assertThat(first.code()).isZero();
    JsonObject settings = settings("first");
    assertThat(settings.get("seed").asString()).isEqualTo("3");
    assertThat(settings.get("lr").asString()).isEqualTo("0.05");
    assertThat(settings.get("freeze").asString()).isEqualTo("stem,stages.0");
    assertThat(settings.get("no-shuffle").asString()).isEqualTo("false");
    assertThat(settings.get("freeze-batch-norm").asString()).isEqualTo("true");
    InProcess again =
        InProcess.run(
            "train",
            "--config",
            folder.resolve("first/run.json").toString(),
            "--no-progress",
            "--out",
            folder.resolve("again").toString());
    assertThat(again.code()).as(again.err()).isZero();
    assertThat(settings("again")).isEqualTo(settings);
    assertThat(folder.resolve("again/model.safetensors"))
        .hasSameBinaryContentAs(folder.resolve("first/model.safetensors"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "lr 0.1 | line 1: write an option and its value",
        "lrr: 0.1 | there is no option 'lrr', did you mean lr?",
        "resume: x | there is no option 'resume'",
        "naive: maybe | is true or false, not 'maybe'",
        "lr: fast | '--lr'",
        "augment: crop-flip,sparkle | --augment can't be 'sparkle'",
        "lr-scale: haed=10 | no layer 'haed'",
        "lr-scale: head | --lr-scale 'head' is none",
        "lr-scale: head=-1 | above 0",
        "{\"lr\": {}} | the option 'lr' needs a value",
        "{\"lr\": | does not read",
      })
  void whatIsWrongIsSaidInASentence(String config, String words) throws IOException {
    InProcess result =
        train(
            config + "\n",
            "--data",
            folder.resolve("pictures").toString(),
            "--model",
            "resnet8",
            "--batch",
            "8",
            "--out",
            folder.resolve("none").toString());
    assertThat(result.code()).isEqualTo(2);
    assertThat(result.err()).contains(words);
    assertThat(result.err().lines()).hasSize(1);
    assertThat(folder.resolve("none")).doesNotExist();
  }

  @Test
  void aMissingFileAndTheSameOptionTwiceAreRefused() throws IOException {
    InProcess missing = InProcess.run("train", "--config", folder.resolve("no.yaml").toString());
    assertThat(missing.code()).isEqualTo(2);
    assertThat(missing.err()).contains("no such file");
    assertThat(train("lr: 1\nlr: 2\n").err()).contains("line 2: the option 'lr' is there twice");
  }
}
