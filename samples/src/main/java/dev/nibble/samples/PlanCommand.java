package dev.nibble.samples;

import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.json.JsonWriter;
import dev.nibble.engine.network.LayerRange;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.train.MemoryBudget;
import dev.nibble.engine.train.MixedFormats;
import dev.nibble.engine.train.Recompute;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.engine.train.TrainingOptionsBuilder;
import dev.nibble.engine.train.TrainingPlan;
import dev.nibble.engine.train.TrainingPlan.KeptActivation;
import dev.nibble.engine.train.TrainingPlan.PlannedBuffer;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.ByteSize;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.MemoryLimitException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code nibble plan}: what a run needs in memory, to the byte, without running it. */
@Command(
    name = "plan",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Shows the memory that a training run allocates, to the byte, without running it.",
      "",
      "A buffer lives from one moment of a step to another: 0 reads the batch, 1..S are the stages",
      "forward, S+1 the loss, S+2..2S+1 the stages backward, 2S+2 the optimiser."
    },
    footer = {
      "",
      "Examples:",
      "  nibble plan --model resnet164 --batch 128 --activations int4",
      "  nibble plan --model resnet50 --batch 32 --image-size 160x160",
      "  nibble plan --model mobilenet.onnx --batch 16 --classes 5",
      "  nibble plan --model resnet20 --activations fp32 --all",
      "  nibble plan --model resnet50 --batch 32 --activations mixed:3",
      "  nibble plan --model resnet18 --batch 16 --freeze conv1,bn1,layer1,layer2,layer3,layer4",
      "  nibble plan --model resnet164 --memory-limit 512MiB --json"
    })
final class PlanCommand implements Callable<Integer> {
  private static final int MOST_LINES = 40;

  @Spec CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--model",
      paramLabel = "NAME|FILE",
      description = "A network's name, or an .onnx file. Default: resnet20.")
  private String model = "resnet20";

  @Option(names = "--batch", paramLabel = "N", description = "Pictures a step. Default: 128.")
  private int batch = 128;

  @Option(
      names = "--activations",
      paramLabel = "TYPE",
      description =
          "fp32, int8, int4, int3, int2, ternary or int1; mixed:BITS, a format for each, or mixed,"
              + " with --memory-limit. Default: int4.")
  private String activations = "int4";

  @Option(
      names = "--codes",
      paramLabel = "KIND",
      description = "fitted, or uniform: the paper's of 8, 4 or 2 bits. Default: fitted.")
  private String codes = "fitted";

  @Option(
      names = "--recompute",
      paramLabel = "WHEN",
      description =
          "Compute activations twice instead of storing them: auto, to fit them into"
              + " --memory-limit; never; most, wherever it saves memory. Default: never.")
  private @Nullable String recompute;

  @Option(
      names = "--freeze",
      paramLabel = "LAYERS",
      split = ",",
      description = "Layers that are not trained, as in train. Default: none.")
  private @Nullable List<String> freeze;

  @Option(names = "--naive", description = "Plan the baseline that computes on restored codes.")
  private boolean naive;

  @Option(
      names = "--optimizer",
      paramLabel = "NAME",
      description = "sgd, nesterov or adamw, which keeps twice as much. Default: sgd.")
  private String optimizer = "sgd";

  @Option(
      names = "--accumulate",
      paramLabel = "N",
      description = "Batches that make one step; more than one need a buffer. Default: 1.")
  private int accumulate = 1;

  @Option(
      names = "--ema",
      paramLabel = "X",
      description = "Keep an average of the weights, as in train. Default: none.")
  private double ema;

  @Option(
      names = "--early-stopping",
      paramLabel = "N",
      description = "Keep the best weights, as in train. Default: no.")
  private @Nullable Integer earlyStopping;

  @Option(
      names = "--image-size",
      paramLabel = "HxW",
      description = "Height and width of a picture. Default: the model's usual, such as 224x224.")
  private @Nullable String imageSize;

  @Option(
      names = "--input",
      paramLabel = "HxWxC",
      description = "The same with the channels, where they are not the model's usual 3.")
  private @Nullable String input;

  @Option(
      names = "--classes",
      paramLabel = "N",
      description = "Default: as many as the model usually has: 10 or 1000.")
  private @Nullable Integer classes;

  @Option(names = "--threads", paramLabel = "N", description = "Default: all cores.")
  private @Nullable Integer threads;

  @Mixin private KernelOption kernels = new KernelOption();

  @Option(
      names = "--memory-limit",
      paramLabel = "SIZE",
      description = "Also find the largest batch that fits, such as 512MiB.")
  private @Nullable String memoryLimit;

  @Option(names = "--all", description = "List every buffer, however many there are.")
  private boolean all;

  @Option(
      names = "--json",
      description =
          "Print JSON: total_bytes, store_bytes, buffer_bytes, weights_bytes, largest_batch, ...")
  private boolean json;

  @Override
  public Integer call() {
    Kernels provider = kernels.choose();
    Network network = network();
    Long limit = Inputs.bytes(memoryLimit);
    if (batch < 1) {
      throw new BadInputException("--batch is " + batch + ": give 1 or more.");
    }
    TrainingPlan plan = BadInputException.check(() -> plan(network, provider, limit));
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(JsonWriter.indented(PlanReport.json(plan, limit)));
    } else {
      print(plan, limit, out);
    }
    return 0;
  }

  /** What a run would have; with mixed formats that memory limits, or what is computed twice. */
  private TrainingPlan plan(Network network, Kernels provider, @Nullable Long limit) {
    TrainingOptions options = options();
    MixedFormats mixed = options.mixed();
    boolean byMemory = mixed != null && mixed.averageBits() == 0;
    boolean auto = options.recompute() == Recompute.AUTO && recompute != null && limit != null;
    if (!byMemory && !auto && options.recompute() != Recompute.MOST) {
      return TrainingPlan.of(network, options, provider);
    }
    long most = limit == null || !(byMemory || auto) ? MemoryAccount.UNLIMITED : limit;
    try {
      return MemoryBudget.choose(network, options, batch, provider, most).plan();
    } catch (MemoryLimitException e) {
      throw new BadInputException("--memory-limit is too small: " + e.getMessage(), e);
    }
  }

  private Network network() {
    ModelChoice choice = ModelChoice.of(model);
    return choice.network(shape(choice), classes);
  }

  private FeatureMap shape(ModelChoice choice) {
    PictureSize size = Inputs.pictureSize(imageSize);
    if (input != null) {
      if (size != null) {
        throw new BadInputException(
            "--image-size and --input both give the pictures' size: give --image-size alone, or"
                + " --input for other channels.");
      }
      return Inputs.shape(input);
    }
    FeatureMap usual = choice.usualInput();
    return size == null ? usual : new FeatureMap(size.height(), size.width(), usual.channels());
  }

  private TrainingOptions options() {
    MixedFormats mixed = Inputs.mixed(activations);
    TrainingOptionsBuilder builder = TrainingOptions.builder();
    if (mixed == null) {
      builder.store(Inputs.activations(activations));
    } else {
      builder.mixed(mixed);
    }
    boolean uniform = Inputs.codesName(codes).equals("uniform");
    Inputs.checkCodes(uniform, Inputs.format(activations));
    builder
        .uniformCodes(uniform)
        .recompute(recompute == null ? Recompute.AUTO : Inputs.recompute(recompute))
        .freeze(freeze == null ? List.of() : freeze)
        .naive(naive)
        .batch(batch)
        .threads(Inputs.threads(threads))
        .optimizer(UpdateSettings.usual(optimizer))
        .accumulate(accumulate)
        .ema(ema);
    if (earlyStopping != null) {
      builder.earlyStopping(earlyStopping, 0);
    }
    return builder.build();
  }

  private void print(TrainingPlan plan, @Nullable Long limit, PrintWriter out) {
    out.printf(
        Locale.ROOT,
        "%s, pictures of %s, %s, batch %d, %s%s activations%n%n",
        plan.network().name(),
        plan.network().input(),
        TaskWords.outputs(plan.network().classes()),
        batch,
        naive ? "naive " : "",
        plan.options().activations());
    printBuffers(plan, out);
    out.println();
    if (plan.options().mixed() != null) {
      printFormats(plan, out);
    }
    for (LayerRange run : plan.options().recomputed()) {
      out.printf("computed twice instead of stored: %s to %s%n", run.first(), run.last());
    }
    if (plan.options().recompute() == Recompute.MOST && plan.options().recomputed().isEmpty()) {
      out.println("computed twice instead of stored: nothing, for no run of layers saves memory");
    }
    sum(out, "stored activations", plan.storeBytes());
    sum(out, "common buffers, sharing memory", plan.commonBytes());
    sum(out, "weights, gradients, optimiser", plan.weightsBytes());
    sum(out, "batches being loaded", plan.batchBytes());
    sum(out, "tables, partial sums", plan.otherBytes());
    sum(out, "scratch of the threads", plan.scratchBytes());
    if (plan.stagingBytes() > 0) {
      sum(out, "staging for the GPU", plan.stagingBytes());
    }
    sum(out, "TOTAL, what a run allocates", plan.totalBytes());
    out.println();
    sum(out, "the same in fp32 mode", plan.fp32Bytes());
    sum(out, "every layer's output kept, fp32", plan.keepEverythingBytes());
    out.println("(the latter: outputs of all layers of the graph x batch x 4 bytes, nothing else)");
    out.printf(
        "%nA step moves %s; the least this plan allows is %s%n",
        ByteSize.format(plan.movedBytes()), ByteSize.format(plan.leastMovedBytes()));
    if (limit != null) {
      int fits = plan.largestBatch(limit);
      out.printf(
          "%nLargest batch within %s: %s%n",
          ByteSize.format(limit), fits > 0 ? fits : "none, not even 1");
    }
  }

  private void printBuffers(TrainingPlan plan, PrintWriter out) {
    List<PlannedBuffer> buffers = plan.buffers();
    out.printf("%-38s %-8s %14s %14s  %s%n", "buffer", "kind", "bytes", "offset", "life");
    int shown = all || buffers.size() <= MOST_LINES ? buffers.size() : MOST_LINES;
    for (PlannedBuffer buffer : buffers.subList(0, shown)) {
      out.printf(
          Locale.ROOT,
          "%-38s %-8s %,14d %,14d  %d..%d%n",
          buffer.name(),
          buffer.kind(),
          buffer.bytes(),
          buffer.offset(),
          buffer.firstUse(),
          buffer.lastUse());
    }
    if (shown < buffers.size()) {
      out.printf("... and %d more; --all lists them%n", buffers.size() - shown);
    }
  }

  private static void printFormats(TrainingPlan plan, PrintWriter out) {
    out.printf("%-38s %-14s %-8s %14s%n", "activation kept by", "shape", "format", "bytes");
    for (KeptActivation kept : plan.kept()) {
      out.printf(
          Locale.ROOT,
          "%-38s %-14s %-8s %,14d%n",
          kept.layer(),
          kept.shape(),
          kept.format().fitted().text(),
          kept.bytes());
    }
    out.printf(Locale.ROOT, "%.2f bits a value on average%n%n", plan.averageBits());
  }

  private static void sum(PrintWriter out, String name, long bytes) {
    out.printf(Locale.ROOT, "%-38s %,23d  %s%n", name, bytes, ByteSize.format(bytes));
  }
}
