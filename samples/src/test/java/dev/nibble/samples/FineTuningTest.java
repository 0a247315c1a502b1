package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** Labels, numbers, mixed pictures, learning rates: from the command line. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FineTuningTest {
  @SuppressWarnings("NullAway.Init") // set by drawPictures
  private Path folder;

  /** Red or not, blue or not: 32 pictures of a colour each. */
  @BeforeAll
  void drawPictures(@TempDir Path place) throws IOException {
    folder = place;
    Files.createDirectories(folder.resolve("pictures"));
    StringBuilder labels = new StringBuilder("file,labels\n");
    StringBuilder values = new StringBuilder("file,redness,blueness\n");
    StringBuilder value = new StringBuilder("file,value\n");
    StringBuilder label = new StringBuilder("file,labels\n");
    StringBuilder same = new StringBuilder("file,label\n");
    for (int i = 0; i < 32; i++) {
      BufferedImage image = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB);
      int red = i % 2 * 200 + i;
      int blue = i / 2 % 2 * 200 + i;
      for (int pixel = 0; pixel < 256; pixel++) {
        image.setRGB(pixel % 16, pixel / 16, new Color(red, pixel / 4, blue).getRGB());
      }
      String file = "picture " + i + ".png";
      ImageIO.write(image, "png", folder.resolve("pictures").resolve(file).toFile());
      String both = red > 100 && blue > 100 ? "|" : "";
      labels.append(file).append(',').append(red > 100 ? "red" : "").append(both);
      labels.append(blue > 100 ? "blue" : "").append('\n');
      values.append(file).append(',').append(red / 255.0).append(',').append(blue / 255.0);
      values.append('\n');
      value.append(file).append(',').append(red / 255.0).append('\n');
      label.append(file).append(',').append(blue > 100 ? "blue" : "").append('\n');
      same.append(file).append(",picture\n");
    }
    Files.writeString(folder.resolve("value.csv"), value);
    Files.writeString(folder.resolve("blue.csv"), label);
    Files.writeString(folder.resolve("same.csv"), same);
    Files.writeString(folder.resolve("labels.csv"), labels);
    Files.writeString(folder.resolve("values.csv"), values);
  }

  private InProcess run(String words) {
    List<String> arguments = new ArrayList<>();
    for (String word : words.split(" ", -1)) {
      arguments.add(word.replace("DIR", folder.toString()).replace("%20", " "));
    }
    return InProcess.run(arguments.toArray(String[]::new));
  }

  private static JsonObject json(InProcess result) {
    assertThat(result.err()).isEmpty();
    assertThat(result.code()).isZero();
    return JsonParser.parse(result.out()).asObject();
  }

  @Test
  void aModelOfLabelsIsTrainedMeasuredAndAsked() throws IOException {
    InProcess trained =
        run(
            "train --data DIR/pictures --labels DIR/labels.csv --loss bce --class-weights balanced"
                + " --model resnet8 --batch 8 --epochs 6 --lr 0.1 --augment none --threads 1"
                + " --kernels scalar --no-progress --class-metrics --out DIR/labels");
    assertThat(trained.err()).isEmpty();
    assertThat(trained.code()).isZero();
    assertThat(trained.out())
        .contains("2 labels", "all right ", "test loss ", "mean F1 ", "mean average precision ")
        .contains("  blue  ", "resnet8 reaches a test mean F1 of ");
    String metrics = Files.readString(folder.resolve("labels/metrics.jsonl"));
    assertThat(metrics).contains("\"test_mean_f1\":", "\"test_labels\":{\"blue\":{\"precision\":");
    assertThat(folder.resolve("labels/curves.png")).exists();
    String model = " --weights DIR/labels/model.safetensors --threads 1 --kernels scalar";
    String measure = "evaluate --data DIR/pictures --labels DIR/labels.csv --split train";
    JsonObject figures = json(run(measure + " --json" + model));
    assertThat(figures.get("task").asString()).isEqualTo("multi-label");
    assertThat(figures.get("mean_f1").asDouble()).isGreaterThan(0.9);
    assertThat(figures.get("labels").asObject().get("red").asObject().members())
        .containsKeys("precision", "recall", "f1", "average_precision");
    assertThat(run(measure + model).out()).contains(": mean F1 ", "  red  ");
    assertThat(run("evaluate --data DIR/pictures" + model).code()).isEqualTo(2);
    InProcess asked =
        run("predict DIR/pictures/picture%203.png DIR/pictures/picture%200.png" + model);
    assertThat(asked.out()).contains("red ", "blue ", "picture 0.png: none of the labels");
    String json = run("predict DIR/pictures/picture%203.png --json" + model).out();
    assertThat(json).contains("\"labels\": [", "\"label\": ", "\"probability\": ");
    InProcess resumed = run("train --resume DIR/labels --no-progress");
    assertThat(resumed.code()).as(resumed.err()).isZero();
    assertThat(resumed.out()).contains("already complete");
  }

  @Test
  void aModelOfNumbersIsTrainedMeasuredAndAsked() {
    InProcess trained =
        run(
            "train --data DIR/pictures --labels DIR/values.csv --loss mse --mixup 0.2"
                + " --model resnet8 --batch 8 --epochs 12 --lr 0.02 --augment none --threads 1"
                + " --kernels scalar --no-progress --early-stopping 12 --val-split 0.2"
                + " --out DIR/values");
    assertThat(trained.err()).isEmpty();
    assertThat(trained.code()).isZero();
    assertThat(trained.out())
        .contains("2 values", "validation loss ", "R2 ", "RMSE ", "MAE ")
        .contains("Kept is the model of epoch ", "resnet8 reaches a test R2 of ")
        .doesNotContain("accuracy");
    String model = " --weights DIR/values/model.safetensors --threads 1 --kernels scalar";
    JsonObject figures =
        json(
            run(
                "evaluate --data DIR/pictures --labels DIR/values.csv --split train --json"
                    + model));
    assertThat(figures.get("rmse").asDouble()).isLessThan(0.3);
    assertThat(figures.get("values").asObject().get("redness").asObject().members())
        .containsKeys("r2", "rmse", "mae");
    assertThat(run("predict DIR/pictures/picture%203.png" + model).out())
        .containsPattern("picture 3.png: redness [-0-9.E]+, blueness [-0-9.E]+");
    assertThat(run("predict DIR/pictures/picture%203.png --json" + model).out())
        .contains("\"values\": {", "\"redness\": ");
  }

  /** One number, or one label, is what most people want to be told. */
  @ParameterizedTest
  @CsvSource({"mse, value, 1 value, R2 ", "bce, blue, 1 label, mean F1 "})
  void aModelOfOneOutputIsTrainedMeasuredAskedAndExported(
      String loss, String name, String told, String score) throws IOException {
    String data = "--data DIR/pictures --labels DIR/" + name + ".csv";
    InProcess trained =
        run(
            "train %s --loss %s --model resnet8 --batch 8 --epochs 2 --lr 0.02 --augment none --threads 1 --kernels scalar --no-progress --checkpoint-every 2 --out DIR/%s"
                .formatted(data, loss, name));
    assertThat(trained.err()).isEmpty();
    assertThat(trained.code()).isZero();
    assertThat(trained.out()).contains(", " + told + "\n", score);
    String file = "DIR/" + name + "/model.safetensors";
    String model = " --weights " + file + " --threads 1 --kernels scalar";
    JsonObject figures = json(run("evaluate " + data + " --json" + model));
    assertThat(figures.get("pictures").asLong()).isEqualTo(6);
    assertThat(run("evaluate " + data + model).out()).contains(name);
    InProcess asked = run("predict DIR/pictures/picture%203.png --json" + model);
    assertThat(asked.code()).as(asked.err()).isZero();
    assertThat(asked.out()).contains(loss.equals("mse") ? "\"value\": " : "\"labels\": [");
    InProcess exported = run("export --weights " + file + " --onnx DIR/" + name + ".onnx");
    assertThat(exported.out()).as(exported.err()).contains(" to logits N,1");
    assertThat(run("inspect DIR/" + name + ".onnx --json").code()).isZero();
    assertThat(run("inspect " + file).code()).isZero();
    removeTheLastCheckpoint(folder.resolve(name).resolve("checkpoints"));
    byte[] whole = Files.readAllBytes(folder.resolve(name).resolve("model.safetensors"));
    InProcess resumed = run("train --resume DIR/" + name + " --no-progress --kernels scalar");
    assertThat(resumed.err()).isEmpty();
    assertThat(resumed.code()).isZero();
    assertThat(resumed.out()).doesNotContain("already complete");
    assertThat(folder.resolve(name).resolve("model.safetensors")).hasBinaryContent(whole);
    InProcess tuned =
        run(
            "train %s --loss %s --model DIR/%s.onnx --batch 8 --steps 2 --lr 0.01 --augment none --threads 1 --kernels scalar --no-progress --out DIR/%s-tuned"
                .formatted(data, loss, name, name));
    assertThat(tuned.err()).isEmpty();
    assertThat(tuned.code()).isZero();
    assertThat(tuned.out()).contains(", " + told + "\n").doesNotContain("starts anew");
  }

  /** As if the run had been killed before it. */
  private static void removeTheLastCheckpoint(Path checkpoints) throws IOException {
    List<Path> all;
    try (Stream<Path> files = Files.list(checkpoints)) {
      all = files.sorted().toList();
    }
    assertThat(all).hasSizeGreaterThan(1).allMatch(Files::isRegularFile);
    Files.delete(all.getLast());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '#',
      value = {
        "--loss mse                                            # --loss mse needs numbers",
        "--loss bcx                                            # choose one of cross-entropy",
        "--loss mse --labels DIR/values.csv --class-weights 1,2 # not for --loss mse",
        "--loss bce --labels DIR/labels.csv --class-weights 1  # has 1 numbers for 2 classes",
        "--loss bce --labels DIR/labels.csv --class-weights 1,x # holds 'x'",
        "--loss bce --labels DIR/values.csv --label-smoothing 0.1 # belongs to cross-entropy",
        "--loss mse --labels DIR/labels.csv                    # line 2: labels is '', give a"
            + " number",
        "--labels DIR/none.csv                                 # none.csv",
        "--labels DIR/same.csv                                 # has a single class, 'picture'",
        "--mixup 0                                             # --mixup is 0.0",
        "--cutmix -1                                           # --cutmix is -1.0",
        "--mixup 0.2 --batch 1 --loss mse --labels DIR/values.csv # a batch of 2 or more",
      })
  void whatDoesNotFitIsSaid(String options, String sentence) {
    InProcess result =
        run(
            "train --data DIR/pictures --model resnet8 --steps 1 --kernels scalar --out DIR/not "
                + options.strip());
    assertThat(result.code()).as(result.err()).isEqualTo(2);
    assertThat(result.err()).contains(sentence);
    assertThat(folder.resolve("not")).doesNotExist();
  }

  @Test
  void aLearningRateIsFoundAndNothingElseIsLeft() throws IOException {
    Path curve = folder.resolve("curve");
    String search =
        "lr-find --data DIR/pictures --labels DIR/labels.csv --loss bce --model resnet8 --batch 8"
            + " --augment none --threads 1 --kernels scalar --from 1e-4 --to 1000 --steps 40";
    List<String> before = files();
    InProcess text = run(search + " --out DIR/curve.png");
    assertThat(text.err()).isEmpty();
    assertThat(text.code()).isZero();
    assertThat(text.out())
        .contains(
            "labels.csv has no column split",
            "there the loss bursts",
            "falls fastest at ",
            "try --lr ");
    JsonObject found = json(run(search + " --json --out DIR/curve.svg"));
    double suggestion = found.get("suggestion").asDouble();
    assertThat(suggestion).isBetween(1e-4, 10.0).isLessThan(found.get("lowest").asDouble());
    assertThat(found.get("points").asList().size()).isLessThan(40);
    assertThat(found.get("notes").asList().getFirst().asString()).contains("no column split");
    assertThat(Files.readString(Path.of(curve + ".svg"))).startsWith("<svg").contains("loss");
    assertThat(ImageIO.read(Path.of(curve + ".png").toFile()).getWidth()).isPositive();
    List<String> after = files();
    after.removeAll(before);
    assertThat(after).containsExactlyInAnyOrder("curve.png", "curve.svg");
    for (String wrong :
        List.of("--lr 0.1", "--out DIR/x.txt", "--from 0", "--from 2e3", "--steps 5")) {
      InProcess refused = run(search.replace("--steps 40", "").strip() + " " + wrong);
      assertThat(refused.code()).as(wrong).isEqualTo(2);
    }
  }

  private List<String> files() throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return new ArrayList<>(all.map(path -> path.getFileName().toString()).toList());
    }
  }

  /** Every option of train, but those that say which run it is, is taken from a file. */
  @Test
  void everyOptionIsOneOfAFile() throws IOException {
    List<String> none = List.of("--config", "--resume", "--help", "--version", "--stacktrace");
    List<String> lines = new ArrayList<>();
    for (OptionSpec option : new CommandLine(new TrainCommand()).getCommandSpec().options()) {
      String name = option.longestName();
      if (!none.contains(name)) {
        boolean flag = option.arity().max() == 0;
        String value =
            flag ? "true" : option.type() == String.class || option.isMultiValue() ? "head=1" : "1";
        lines.add(name.substring(2) + ": " + value);
      }
    }
    assertThat(lines).hasSizeGreaterThan(50);
    Path file = Files.writeString(folder.resolve("all.yaml"), String.join("\n", lines));
    CommandLine line = new CommandLine(new TrainCommand());
    line.parseArgs("--config", file.toString());
    List<String> words =
        ConfigFile.read(file).arguments(line.getCommandSpec(), line.getParseResult());
    assertThat(words).hasSameSizeAs(lines);
    new CommandLine(new TrainCommand()).parseArgs(words.toArray(String[]::new));
    assertThat(words)
        .allMatch(
            word -> lines.stream().anyMatch(l -> word.startsWith("--" + l.split(":", -1)[0])));
    assertThat(Arrays.asList("--loss=head=1", "--mixup=1", "--class-metrics")).isSubsetOf(words);
  }

  /** What a run writes down of itself makes the same run again. */
  @Test
  void theSettingsOfARunMakeItAgain() throws IOException {
    String first =
        "train --data DIR/pictures --labels DIR/labels.csv --loss bce --class-weights 1,2 --cutmix"
            + " 1 --mixup 0.2 --model resnet8 --batch 8 --steps 3 --augment none --threads 1"
            + " --optimizer adamw --accumulate 2 --ema 0.9 --clip-norm 1 --warmup-steps 1 --kernels"
            + " scalar --freeze stem --freeze-batch-norm --lr-scale head=10 --val-split 0.25"
            + " --class-metrics --no-progress --out DIR/one";
    assertThat(run(first).err()).isEmpty();
    InProcess again = run("train --config DIR/one/run.json --no-progress --out DIR/two");
    assertThat(again.err()).isEmpty();
    assertThat(again.code()).isZero();
    assertThat(Files.readAllBytes(folder.resolve("two/model.safetensors")))
        .isEqualTo(Files.readAllBytes(folder.resolve("one/model.safetensors")));
    assertThat(settings("two")).isEqualTo(settings("one")).containsEntry("class-weights", "1,2");
  }

  private Map<String, String> settings(String run) throws IOException {
    String text = Files.readString(folder.resolve(run).resolve("run.json"));
    return JsonParser.parse(text).asObject().asStrings();
  }
}
