package dev.nibble.samples;

import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.infer.ConfusionMatrix;
import dev.nibble.engine.json.JsonWriter;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code nibble evaluate}: loss and accuracy of a saved model on a data set. */
@Command(
    name = "evaluate",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Measures a saved model on a data set.",
      "",
      "Loss, accuracy, top-5 accuracy; of each class the share that is found (recall), precision"
          + " and",
      "F1; and which classes are confused. Of a model of labels F1 and average precision; of one"
          + " of",
      "numbers R2, RMSE and MAE."
    },
    footer = {
      "",
      "Examples:",
      "  nibble evaluate --weights runs/resnet20-shapes-int4/model.safetensors",
      "  nibble evaluate --weights model.safetensors --data cifar10 --split train --json",
      "  nibble evaluate --weights model.safetensors --data photos --out report"
    })
final class EvaluateCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--weights",
      paramLabel = "FILE",
      required = true,
      description = "A model.safetensors that nibble train wrote.")
  private String weights = "";

  @Option(
      names = "--data",
      paramLabel = "NAME|FOLDER",
      description =
          "shapes, fashion-mnist, cifar10, cifar100 or a folder; a folder's pictures are resized to"
              + " the model's input. Default: shapes.")
  private String data = "shapes";

  @Option(
      names = "--split",
      paramLabel = "NAME",
      description = "test, train or validation. Default: test.")
  private String split = "test";

  @Option(names = "--batch", paramLabel = "N", description = "Pictures at a time. Default: 128.")
  private int batch = 128;

  @Option(names = "--threads", paramLabel = "N", description = "Default: all cores.")
  private @Nullable Integer threads;

  @Mixin private KernelOption kernels = new KernelOption();

  @Option(
      names = "--memory-limit",
      paramLabel = "SIZE",
      description = "Refuse to use more, such as 512MiB. Default: none.")
  private @Nullable String memoryLimit;

  @Option(
      names = "--skip-unreadable",
      description = "Leave out pictures of a folder that cannot be read, and say how many.")
  private boolean skipUnreadable;

  @Option(
      names = "--ignore-orientation",
      description = "Take pictures as they are stored, not turned as their EXIF data says.")
  private boolean ignoreOrientation;

  @Option(
      names = "--label-column",
      paramLabel = "NAME",
      description =
          "The column of Parquet files that holds the labels. Default: fine_label, label or"
              + " labels.")
  private @Nullable String labelColumn;

  @Option(
      names = "--labels",
      paramLabel = "FILE.csv",
      description =
          "What is told of the pictures of the folder --data, instead of class folders, as nibble"
              + " train --labels takes it.")
  private @Nullable String labels;

  @Option(names = "--json", description = "Print the figures as JSON.")
  private boolean json;

  @Option(
      names = "--out",
      paramLabel = "FOLDER",
      description = "Also write evaluation.json and confusion.png, the confusion matrix, there.")
  private @Nullable String out;

  @Override
  public Integer call() {
    String part = Names.choose("--split", split, List.of("test", "train", "validation"));
    if (batch < 1) {
      throw new BadInputException("--batch is " + batch + ": give 1 or more.");
    }
    Path file = BadInputException.path(weights);
    Path folder = out == null ? null : RunFolder.make(BadInputException.path(out));
    ModelInfo info = ModelFile.info(file);
    Kernels provider = kernels.choose();
    MemoryLimit limit = MemoryLimit.of(memoryLimit);
    limit.warn(spec.commandLine().getErr());
    PictureSize size = info.pictureSize();
    DataOptions options =
        DataOptions.defaults()
            .withImageSize(size)
            .withSkipUnreadable(skipUnreadable)
            .withIgnoreOrientation(ignoreOrientation)
            .withLabelColumn(labelColumn)
            .withLabels(labels == null ? null : BadInputException.path(labels), info.task());
    try (DataSplits splits = Inputs.open(Inputs.data(data), options);
        MemoryAccount account = limit.account()) {
      Dataset pictures = choose(splits, part);
      checkFits(info, pictures, splits.name());
      try (Classifier classifier =
          Classifier.open(file, info, batch, Inputs.threads(threads), provider, account)) {
        if (!json) {
          splits.notes().forEach(spec.commandLine().getOut()::println);
        }
        if (info.task() == Task.CLASSIFICATION) {
          tell(report(info, splits.name(), pictures, classifier), folder);
        } else {
          tell(taskReport(info, splits.name(), pictures, classifier), folder);
        }
      }
    }
    return 0;
  }

  private static Dataset choose(DataSplits splits, String part) {
    Dataset validation = splits.validation();
    if (!part.equals("validation")) {
      return part.equals("train") ? splits.train() : splits.test();
    }
    if (validation == null) {
      throw new BadInputException(
          "%s has no validation pictures: give --split test or train.".formatted(splits.name()));
    }
    return validation;
  }

  private void checkFits(ModelInfo info, Dataset pictures, String name) {
    if (pictures.channels() != info.input().channels()) {
      throw new BadInputException(
          "The model reads pictures of %d channels, but those of %s have %d."
              .formatted(info.input().channels(), name, pictures.channels()));
    }
    if (pictures.task() != info.task()) {
      throw new BadInputException(
          "The model tells %s of a picture, but %s has classes: give --labels FILE.csv."
              .formatted(info.task().names(), name));
    }
    if (!pictures.classNames().equals(info.classes())) {
      throw new BadInputException(
          "The model's %s (%s) are not those of %s (%s): choose the data it was trained for."
              .formatted(
                  info.task().names(), brief(info.classes()), name, brief(pictures.classNames())));
    }
  }

  private static String brief(List<String> names) {
    return names.size() <= 4
        ? String.join(", ", names)
        : "%d, from %s to %s".formatted(names.size(), names.getFirst(), names.getLast());
  }

  private EvaluationReport report(
      ModelInfo info, String name, Dataset pictures, Classifier classifier) {
    ConfusionMatrix matrix = new ConfusionMatrix(info.classes());
    double loss = classifier.run(pictures, (label, logits) -> matrix.add(label, logits, 0));
    checkFinite(loss, name);
    return new EvaluationReport(
        info.model(), name, loss / matrix.total(), pictures.skipped(), matrix);
  }

  private static void checkFinite(double loss, String name) {
    if (!Double.isFinite(loss)) {
      throw new BadInputException(
          "The model's answers for %s are no finite numbers, as after a training that diverged: take a model saved before."
              .formatted(name));
    }
  }

  private static TaskReport taskReport(
      ModelInfo info, String name, Dataset pictures, Classifier classifier) {
    TaskEvaluation evaluation = new TaskEvaluation(pictures);
    classifier.run(pictures, evaluation);
    checkFinite(evaluation.loss(), name);
    return new TaskReport(
        info.model(), name, evaluation.loss(), pictures.skipped(), evaluation.metrics());
  }

  private void tell(EvaluationReport report, @Nullable Path folder) {
    PrintWriter console = spec.commandLine().getOut();
    String text = JsonWriter.indented(report.json());
    if (json) {
      console.println(text);
    } else {
      report.print(console);
    }
    if (folder == null) {
      return;
    }
    write(folder, text);
    Path picture = folder.resolve("confusion.png");
    try {
      ConfusionPicture.write(picture, report.matrix());
    } catch (IOException e) {
      throw BadInputException.file("write", picture, e);
    }
    if (!json) {
      console.println("In " + folder + ": evaluation.json, confusion.png");
    }
  }

  private void tell(TaskReport report, @Nullable Path folder) {
    PrintWriter console = spec.commandLine().getOut();
    String text = JsonWriter.indented(report.json());
    if (json) {
      console.println(text);
    } else {
      report.print(console);
    }
    if (folder != null) {
      write(folder, text);
      if (!json) {
        console.println("In " + folder + ": evaluation.json");
      }
    }
  }

  private static void write(Path folder, String text) {
    Path file = folder.resolve("evaluation.json");
    try {
      RunFolder.replace(file, text + "\n");
    } catch (IOException e) {
      throw BadInputException.file("write", file, e);
    }
  }
}
