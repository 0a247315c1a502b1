package dev.nibble.samples;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.data.sources.PictureFiles;
import dev.nibble.engine.infer.Classes;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonWriter;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import java.io.PrintWriter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nibble predict}: what a saved model sees in pictures. */
@Command(
    name = "predict",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Says what a saved model sees in pictures.",
      "",
      "The likeliest classes; of a model of labels those that are likelier there than not; of one"
          + " of",
      "numbers the numbers.",
      "",
      "JPEG, PNG, GIF, BMP, TIFF and WebP files of any size are resized to the model's input. One"
          + " that",
      "cannot be read is named, the others are classified, and the exit code is 2."
    },
    footer = {
      "",
      "Example:",
      "  nibble predict --weights runs/resnet20-cifar10-int4/model.safetensors cat.jpg dog.png"
    })
final class PredictCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--weights",
      paramLabel = "FILE",
      required = true,
      description = "A model.safetensors that nibble train wrote.")
  private String weights = "";

  @Parameters(paramLabel = "PICTURE", arity = "1..*", description = "Picture files.")
  private List<String> pictures = new ArrayList<>();

  @Option(names = "--top", paramLabel = "N", description = "Classes a picture. Default: 3.")
  private int top = 3;

  @Option(names = "--threads", paramLabel = "N", description = "Default: all cores.")
  private @Nullable Integer threads;

  @Mixin private KernelOption kernels = new KernelOption();

  @Option(
      names = "--ignore-orientation",
      description = "Take pictures as they are stored, not turned as their EXIF data says.")
  private boolean ignoreOrientation;

  @Option(names = "--json", description = "Print JSON, an entry a picture.")
  private boolean json;

  /** A picture's likeliest classes, or why there are none. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Prediction(
      String picture, int[] classes, double[] shares, @Nullable String fault) {}

  @Override
  public Integer call() {
    if (top < 1) {
      throw new BadInputException("--top is " + top + ": give 1 or more.");
    }
    Path file = BadInputException.path(weights);
    ModelInfo info = ModelFile.info(file);
    FeatureMap input = info.input();
    if (input.channels() != 3 && input.channels() != 1) {
      throw new BadInputException(
          "The model reads %d channels: pictures have 1 or 3.".formatted(input.channels()));
    }
    Kernels provider = kernels.choose();
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    List<JsonValue> entries = new ArrayList<>();
    int faults = 0;
    try (MemoryAccount account = MemoryLimit.of(null).account();
        Classifier classifier =
            Classifier.open(file, info, 1, Inputs.threads(threads), provider, account)) {
      for (String picture : pictures) {
        Prediction prediction = predict(picture, info, classifier);
        if (prediction.fault() != null) {
          faults++;
          err.println("nibble: " + prediction.fault());
        } else if (!json) {
          out.println(text(info, prediction));
        }
        if (json) {
          entries.add(entry(info, prediction));
        }
      }
    }
    if (json) {
      out.println(JsonWriter.indented(JsonValue.array(entries)));
    }
    return faults == 0 ? 0 : Nibble.BAD_INPUT;
  }

  private Prediction predict(String picture, ModelInfo info, Classifier classifier) {
    FeatureMap input = info.input();
    byte[] bytes = new byte[input.values()];
    float[] logits = new float[info.classes().size()];
    try {
      Path path = existing(picture);
      PictureSize size = info.pictureSize();
      MemorySegment target = MemorySegment.ofArray(bytes);
      PictureFiles.read(path, size, input.channels(), ignoreOrientation, target, 0);
    } catch (DataException | BadInputException e) {
      return new Prediction(picture, new int[0], new double[0], String.valueOf(e.getMessage()));
    }
    classifier.run(bytes, logits);
    if (info.task() != Task.CLASSIFICATION) {
      return outputs(picture, info.task(), logits);
    }
    if (Classes.largest(logits, 0, logits.length) == Classes.NONE) {
      String fault = "The model's answer for %s is no finite number.".formatted(picture);
      return new Prediction(picture, new int[0], new double[0], fault);
    }
    double[] shares = new double[logits.length];
    Classes.probabilities(logits, 0, logits.length, shares);
    int[] largest = new int[Math.min(top, logits.length)];
    Classes.top(logits, 0, logits.length, largest);
    return new Prediction(picture, largest, shares, null);
  }

  /** Labels likelier than not, the likeliest first, at most --top; or all numbers. */
  private Prediction outputs(String picture, Task task, float[] outputs) {
    double[] values = new double[outputs.length];
    for (int i = 0; i < outputs.length; i++) {
      if (!Float.isFinite(outputs[i])) {
        String fault = "The model's answer for %s is no finite number.".formatted(picture);
        return new Prediction(picture, new int[0], new double[0], fault);
      }
      values[i] = task == Task.REGRESSION ? outputs[i] : 1 / (1 + Math.exp(-outputs[i]));
    }
    if (task == Task.REGRESSION) {
      return new Prediction(picture, IntStream.range(0, values.length).toArray(), values, null);
    }
    int[] largest = new int[outputs.length];
    Classes.top(outputs, 0, outputs.length, largest);
    int[] there = Arrays.stream(largest).filter(i -> outputs[i] > 0).limit(top).toArray();
    return new Prediction(picture, there, values, null);
  }

  private static Path existing(String picture) {
    Path path = BadInputException.path(picture);
    if (Files.isDirectory(path)) {
      throw new BadInputException("%s is a folder: give picture files.".formatted(picture));
    }
    if (!Files.exists(path)) {
      throw new BadInputException(
          Files.isSymbolicLink(path)
              ? "%s is a link to a file that is not there.".formatted(picture)
              : "There is no file %s.".formatted(picture));
    }
    return path;
  }

  private static String text(ModelInfo info, Prediction prediction) {
    StringJoiner text = new StringJoiner(", ", prediction.picture() + ": ", "");
    text.setEmptyValue(prediction.picture() + ": none of the labels");
    if (info.task() == Task.REGRESSION) {
      for (int index : prediction.classes()) {
        text.add(info.classes().get(index) + " " + (float) prediction.shares()[index]);
      }
      return text.toString();
    }
    for (int index : prediction.classes()) {
      text.add(
          String.format(
              Locale.ROOT,
              "%s %.1f %%",
              info.classes().get(index),
              100 * prediction.shares()[index]));
    }
    return text.toString();
  }

  private static JsonValue entry(ModelInfo info, Prediction prediction) {
    JsonObject.Builder entry = JsonObject.builder().put("picture", prediction.picture());
    if (prediction.fault() != null) {
      return entry.put("error", prediction.fault()).build();
    }
    if (info.task() == Task.REGRESSION) {
      JsonObject.Builder values = JsonObject.builder();
      for (int index : prediction.classes()) {
        values.put(info.classes().get(index), prediction.shares()[index]);
      }
      return entry.put("values", values.build()).build();
    }
    boolean labels = info.task() == Task.MULTI_LABEL;
    List<JsonValue> classes = new ArrayList<>();
    for (int index : prediction.classes()) {
      classes.add(
          JsonObject.builder()
              .put(labels ? "label" : "class", info.classes().get(index))
              .put("probability", prediction.shares()[index])
              .build());
    }
    return entry.put(info.task().names(), JsonValue.array(classes)).build();
  }
}
