package dev.nibble.samples;

import dev.nibble.engine.infer.Classes;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonWriter;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
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
      "Says what a saved model sees in pictures: the likeliest classes.",
      "",
      "JPEG, PNG, GIF, BMP, TIFF and WebP files of any size are resized to the model's input."
    },
    footer = {
      "",
      "Example:",
      "  nibble predict --weights runs/resnet20-cifar10-int4/model.safetensors cat.jpg dog.png"
    })
final class PredictCommand implements Callable<Integer> {
  private static final int MOST_BATCH = 32;

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

  /** A picture's likeliest classes. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Prediction(int[] classes, double[] shares) {}

  @Override
  public Integer call() {
    if (top < 1) {
      throw new BadInputException("--top is " + top + ": give 1 or more.");
    }
    Path file = BadInputException.path(weights);
    ModelInfo info = ModelFile.info(file);
    if (info.input().channels() != 3 && info.input().channels() != 1) {
      throw new BadInputException(
          "The model reads %d channels: pictures have 1 or 3.".formatted(info.input().channels()));
    }
    List<Path> files = pictures.stream().map(BadInputException::path).toList();
    Kernels provider = kernels.choose();
    int batch = Math.min(MOST_BATCH, files.size());
    // All of them first: a picture that cannot be read is an error, not half an answer.
    List<Prediction> predictions = new ArrayList<>();
    try (MemoryAccount account = MemoryAccount.root("nibble", MemoryAccount.UNLIMITED);
        Classifier classifier =
            Classifier.open(file, info, batch, Inputs.threads(threads), provider, account);
        PictureList list = new PictureList(files, info, ignoreOrientation)) {
      classifier.run(
          list,
          (label, logits) -> {
            double[] shares = new double[logits.length];
            Classes.probabilities(logits, 0, logits.length, shares);
            int[] largest = new int[Math.min(top, logits.length)];
            Classes.top(logits, 0, logits.length, largest);
            predictions.add(new Prediction(largest, shares));
          });
    }
    print(info, predictions);
    return 0;
  }

  private void print(ModelInfo info, List<Prediction> predictions) {
    PrintWriter out = spec.commandLine().getOut();
    List<JsonValue> list = new ArrayList<>();
    for (int i = 0; i < predictions.size(); i++) {
      Prediction prediction = predictions.get(i);
      StringBuilder text = new StringBuilder(pictures.get(i)).append(':');
      List<JsonValue> classes = new ArrayList<>();
      for (int index : prediction.classes()) {
        String name = info.classes().get(index);
        double share = prediction.shares()[index];
        text.append(text.charAt(text.length() - 1) == ':' ? " " : ", ")
            .append(String.format(Locale.ROOT, "%s %.1f %%", name, 100 * share));
        classes.add(
            JsonObject.builder()
                .put("class", name)
                .put(
                    "probability",
                    Double.isFinite(share) ? JsonValue.of(share) : new JsonValue.JsonNull())
                .build());
      }
      if (json) {
        list.add(
            JsonObject.builder()
                .put("picture", pictures.get(i))
                .put("classes", JsonValue.array(classes))
                .build());
      } else {
        out.println(text);
      }
    }
    if (json) {
      out.println(JsonWriter.indented(JsonValue.array(list)));
    }
  }
}
