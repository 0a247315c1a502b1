package dev.nibble.samples;

import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.exchange.onnx.OnnxImport;
import dev.nibble.engine.gradients.GradientOptions;
import dev.nibble.engine.gradients.GradientReport;
import dev.nibble.engine.json.JsonWriter;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.train.MixedFormats;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
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

/** {@code nibble gradients}: how far a model's gradients in few bits are from the exact ones. */
@Command(
    name = "gradients",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Says whether few bits are safe for your network.",
      "",
      "Compares the gradients that they leave with the exact ones, layer by layer, on the same",
      "batches.",
      "",
      "'error' is the length of the difference by the exact gradient's length, 'cosine' that of"
          + " the",
      "angle between them, 'naive' the error where the forward pass, too, computes on restored"
          + " codes.",
      "'batches' is how much the exact gradient itself differs from batch to batch: errors far"
          + " below",
      "it are lost in its noise."
    },
    footer = {
      "",
      "Examples:",
      "  nibble gradients --weights runs/resnet20-shapes-int4/model.safetensors --activations int2",
      "  nibble gradients --weights model.safetensors --data photos --out report",
      "  nibble gradients --model mobilenet.onnx --data photos --batch 16"
    })
final class GradientsCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--weights",
      paramLabel = "FILE",
      description = "A model.safetensors that nibble train wrote.")
  private @Nullable String weights;

  @Option(
      names = "--model",
      paramLabel = "NAME|FILE",
      description =
          "Instead: an .onnx file, or a network's name, whose weights are drawn from the seed.")
  private @Nullable String model;

  @Option(
      names = "--image-size",
      paramLabel = "HxW",
      description =
          "Size that a folder's pictures are resized to, where --model leaves it open. Default: the"
              + " first one's.")
  private @Nullable String imageSize;

  @Option(
      names = "--data",
      paramLabel = "NAME|FOLDER",
      description =
          "shapes, fashion-mnist, cifar10, cifar100 or a folder; its training pictures are taken."
              + " Default: shapes.")
  private String data = "shapes";

  @Option(
      names = "--activations",
      paramLabel = "TYPE",
      completionCandidates = FormatNames.class,
      description = "${COMPLETION-CANDIDATES}, or mixed:BITS. Default: int4.")
  private String activations = "int4";

  @Option(
      names = "--codes",
      paramLabel = "KIND",
      description = "fitted, or uniform: the paper's of 8, 4 or 2 bits. Default: fitted.")
  private String codes = "fitted";

  @Option(names = "--batch", paramLabel = "N", description = "Pictures a batch. Default: 128.")
  private int batch = 128;

  @Option(
      names = "--batches",
      paramLabel = "N",
      description = "Batches; two at least show the noise between them. Default: 4.")
  private int batches = 4;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "What the pictures are drawn from. Default: 0.")
  private long seed;

  @Option(names = "--no-naive", description = "Leave the naive way out: less time and memory.")
  private boolean noNaive;

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

  @Option(names = "--json", description = "Print the figures as JSON.")
  private boolean json;

  @Option(
      names = "--out",
      paramLabel = "FOLDER",
      description = "Also write gradients.json and gradients.png, the errors by depth, there.")
  private @Nullable String out;

  @Override
  public Integer call() {
    GradientOptions options =
        BadInputException.check(
            () -> {
              StoreFormat format = Inputs.format(activations);
              return new GradientOptions(
                      Inputs.codesName(codes).equals("uniform") ? format.uniform() : format,
                      !noNaive,
                      batch,
                      batches,
                      seed,
                      Inputs.threads(threads))
                  .withAverageBits(bits());
            });
    Path folder = out == null ? null : RunFolder.make(BadInputException.path(out));
    Kernels provider = kernels.choose();
    MemoryLimit limit = MemoryLimit.of(memoryLimit);
    limit.warn(spec.commandLine().getErr());
    Subject subject = subject();
    DataOptions pictures =
        DataOptions.defaults().withImageSize(subject.size()).withSkipUnreadable(skipUnreadable);
    try (DataSplits splits = Inputs.open(Inputs.data(data), pictures);
        MemoryAccount account = limit.account()) {
      tell(subject.report(splits, options, provider, account), splits.name(), folder);
    }
    return 0;
  }

  /** What is looked at. */
  private interface Subject {
    /** The size its pictures must have; null for any. */
    @Nullable PictureSize size();

    GradientReport report(
        DataSplits splits, GradientOptions options, Kernels kernels, MemoryAccount account);
  }

  private Subject subject() {
    if ((weights == null) == (model == null)) {
      throw new BadInputException(
          "Give --weights with a model.safetensors, or --model with an .onnx file or a network's"
              + " name.");
    }
    if (model == null) {
      return new Saved(BadInputException.path(String.valueOf(weights)));
    }
    ModelChoice choice = ModelChoice.of(model);
    Path file = choice.file();
    return file != null && !OnnxImport.isOnnx(file)
        ? new Saved(file)
        : new Chosen(choice, Inputs.pictureSize(imageSize));
  }

  /** A model that was trained. */
  private record Saved(Path file) implements Subject {
    Saved {
      BadInputException.check(ModelFile.info(file)::network);
    }

    @Override
    public PictureSize size() {
      return ModelFile.info(file).pictureSize();
    }

    @Override
    public GradientReport report(
        DataSplits splits, GradientOptions options, Kernels kernels, MemoryAccount account) {
      checkClasses(ModelFile.info(file), splits.train(), splits.name());
      return GradientReport.ofModel(file, splits.train(), options, kernels, account);
    }
  }

  /** A network by its name, or one of an ONNX file. */
  private record Chosen(ModelChoice choice, @Nullable PictureSize given) implements Subject {
    @Override
    public @Nullable PictureSize size() {
      return given == null ? choice.size() : given;
    }

    @Override
    public GradientReport report(
        DataSplits splits, GradientOptions options, Kernels kernels, MemoryAccount account) {
      Dataset train = splits.train();
      FeatureMap shape = new FeatureMap(train.height(), train.width(), train.channels());
      Network network = choice.network(shape, train.classNames().size());
      Path file = choice.file();
      if (file == null) {
        return GradientReport.ofInitial(network, train, options, kernels, account);
      }
      try (OnnxImport source = OnnxImport.open(file, shape.height(), shape.width())) {
        return GradientReport.ofWeights(
            network, source.weights(), train, options, kernels, account);
      }
    }
  }

  /** Of mixed formats, of which those that memory limits mean nothing here; else 0. */
  private double bits() {
    MixedFormats mixed = Inputs.mixed(activations);
    if (mixed != null && mixed.averageBits() == 0) {
      throw new BadInputException(
          "--activations mixed needs an average of bits here, such as mixed:3.");
    }
    return mixed == null ? 0 : mixed.averageBits();
  }

  private static void checkClasses(ModelInfo info, Dataset pictures, String name) {
    if (info.task() != pictures.task()) {
      throw new BadInputException(
          "The model tells %s of a picture, and gradients are compared of models of classes only."
              .formatted(info.task().names()));
    }
    List<String> classes = pictures.classNames();
    if (!classes.equals(info.classes())) {
      throw new BadInputException(
          "The model knows other classes (%s, ...) than %s (%s, ...): choose the data it was trained for."
              .formatted(info.classes().getFirst(), name, classes.getFirst()));
    }
  }

  private void tell(GradientReport report, String name, @Nullable Path folder) {
    PrintWriter console = spec.commandLine().getOut();
    String text = JsonWriter.indented(GradientTable.json(report, name));
    if (json) {
      console.println(text);
    } else {
      GradientTable.print(report, name, console);
    }
    if (folder == null) {
      return;
    }
    Path current = folder.resolve("gradients.json");
    try {
      RunFolder.replace(current, text + "\n");
      current = folder.resolve("gradients.png");
      GradientChart.write(current, report);
    } catch (IOException e) {
      throw BadInputException.file("write", current, e);
    }
    if (!json) {
      console.println("In " + folder + ": gradients.json, gradients.png");
    }
  }
}
