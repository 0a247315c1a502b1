package dev.nibble.samples;

import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.Resizing;
import dev.nibble.engine.data.views.Datasets;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.train.MemoryBudget;
import dev.nibble.engine.train.MixedFormats;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.engine.train.TrainingOptionsBuilder;
import dev.nibble.engine.train.TrainingPlan;
import dev.nibble.kernels.DeviceException;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.cublas.CudaOptions;
import dev.nibble.memory.ByteSize;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.MemoryLimitException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Everything that a run is made of, opened from its settings; owns the data. */
final class TrainSetup implements AutoCloseable {
  static final String BATCH_NORM = "batch-norm";
  static final String RESIZE = "resize";

  private static final String KERNELS = "kernels";
  static final String CLASS_METRICS = "class-metrics";
  static final String FORMATS = "formats";
  static final String RECOMPUTE = "recompute";
  static final String GPU_PRECISION = "gpu-precision";
  private static final String GPU_FALLBACK = "gpu-fallback";

  private final DataSplits data;
  private final MemoryLimit limit;
  private final MemoryBudget.Choice choice;
  private final List<String> notes;
  private final boolean classMetrics;

  private TrainSetup(
      DataSplits data,
      MemoryLimit limit,
      MemoryBudget.Choice choice,
      List<String> notes,
      boolean classMetrics) {
    this.data = data;
    this.limit = limit;
    this.choice = choice;
    this.notes = notes;
    this.classMetrics = classMetrics;
  }

  /** Opens the data and checks all that can be checked before anything is allocated. */
  static TrainSetup open(Settings settings, TrainOptions given, WorkerGroup group) {
    MemoryLimit limit = MemoryLimit.of(settings.find("memory-limit"));
    GpuOptions gpu = gpu(settings, given);
    Kernels kernels = gpu.choose(kernelsName(settings, given));
    DataSplits data = openData(settings);
    try {
      Dataset train = data.train();
      List<String> notes = new ArrayList<>();
      // What a resume must find again: other pictures would make other weights.
      settings.fixed("pictures", train.size(), train.size());
      FeatureMap map = new FeatureMap(train.height(), train.width(), train.channels());
      Network network = network(settings, map, train.classNames().size(), notes);
      TrainingOptions wanted = BadInputException.check(() -> options(settings, group, train));
      MemoryBudget.Choice chosen =
          BadInputException.check(() -> choose(network, data, wanted, kernels, limit));
      checkHeap(chosen.plan());
      settleChoice(settings, chosen.plan().options(), train);
      settleKernels(settings, chosen.plan().kernels(), gpu);
      MemoryBudget.Choice choice = chosen.withCheckpointEvery(settings.whole("checkpoint-every"));
      TrainingOptions options = choice.plan().options();
      BadInputException.check(() -> options.rates(stepsOf(options, train)));
      checkNormalization(options, train.channels());
      boolean each = Boolean.parseBoolean(settings.find(CLASS_METRICS));
      return new TrainSetup(data, limit, choice, notes, each);
    } catch (RuntimeException | Error e) {
      data.close();
      throw e;
    }
  }

  /** That of a run that goes on as it was, wherever its file is now. */
  private static Network network(
      Settings settings, FeatureMap map, int classes, List<String> notes) {
    Path kept = settings.file(RunFolder.NETWORK);
    if (kept != null && Files.exists(kept)) {
      return RunFolder.network(kept);
    }
    ModelChoice model = ModelChoice.of(settings.text("model"));
    Network network = model.network(map, classes);
    notes.addAll(model.notes());
    return network;
  }

  @SuppressWarnings("MustBeClosedChecker") // closed with the setup, or here
  private static DataSplits openData(Settings settings) {
    DataSplits data = Inputs.open(settings.text("data"), dataOptions(settings));
    if (!settings.has("val-split")) {
      return data;
    }
    try {
      // The same pictures for every seed of the run, so that runs can be compared.
      return Datasets.withValidation(data, settings.real("val-split"), 0);
    } catch (RuntimeException | Error e) {
      data.close();
      throw e;
    }
  }

  /** What is given, or what the model's file has its pictures at, where the data has any size. */
  private static @Nullable PictureSize pictureSize(Settings settings) {
    String given = settings.find("image-size");
    String model = settings.text("model");
    boolean isFixed = Inputs.DATA_SETS.contains(settings.text("data"));
    if (given != null || isFixed || !ModelChoice.isFile(model)) {
      return Inputs.pictureSize(given);
    }
    Path kept = settings.file(RunFolder.NETWORK);
    if (kept != null && Files.exists(kept)) {
      FeatureMap input = RunFolder.network(kept).input();
      return new PictureSize(input.height(), input.width());
    }
    return ModelChoice.of(model).size();
  }

  /** The same with how pictures come to it: how it is usual for such a training unless told. */
  private static @Nullable PictureSize resized(Settings settings) {
    PictureSize size = pictureSize(settings);
    String given = settings.find(RESIZE);
    if (size == null) {
      if (given != null && !given.equals(Resizing.STRETCH.text())) {
        throw new BadInputException(
            "--resize %s needs a size: give --image-size.".formatted(given));
      }
      return null;
    }
    if (given == null) {
      boolean isUsual =
          !settings.isResumed()
              && List.of(settings.text("augment").split(",", -1)).contains("random-resized-crop")
              && ModelChoice.isOfImageNet(settings.text("model"));
      given = (isUsual ? Resizing.CENTER_CROP : Resizing.STRETCH).text();
      settings.free(RESIZE, given, given);
    }
    return size.with(Resizing.of(given));
  }

  private static DataOptions dataOptions(Settings settings) {
    DataOptions options =
        DataOptions.defaults()
            .withImageSize(resized(settings))
            .withSkipUnreadable(settings.flag("skip-unreadable"))
            .withIgnoreOrientation(Boolean.parseBoolean(settings.find("ignore-orientation")))
            .withLabelColumn(settings.find("label-column"));
    return LossSettings.with(settings, options);
  }

  /** Those of the run that goes on, unless others are given; null for whatever is best. */
  private static @Nullable String kernelsName(Settings settings, TrainOptions given) {
    String name = given.kernels.name;
    return name == null && settings.isResumed() ? settings.savedText(KERNELS) : name;
  }

  /** What is given, or, for kernels that have a use for it, what was saved. */
  private static GpuOptions gpu(Settings settings, TrainOptions given) {
    String name = kernelsName(settings, given);
    if (!settings.isResumed() || name == null || !GpuOptions.mayUseGpu(name)) {
      return given.gpu;
    }
    String precision = given.gpu.precision;
    Boolean fallback = given.gpu.fallback;
    String saved = settings.findSaved(GPU_FALLBACK);
    return new GpuOptions(
        precision == null ? settings.findSaved(GPU_PRECISION) : precision,
        (fallback == null && saved != null) ? Boolean.valueOf(saved) : fallback);
  }

  /** The kernels that compute, so that a resume takes the same even if auto would not. */
  private static void settleKernels(Settings settings, Kernels selected, GpuOptions gpu) {
    settings.free(KERNELS, selected.name(), null);
    if (selected.name().equals(GpuOptions.CUBLAS)) {
      CudaOptions cuda = gpu.cuda();
      settings.free(GPU_PRECISION, cuda.precision().text(), null);
      settings.free(GPU_FALLBACK, cuda.fallback(), null);
    }
  }

  private static MemoryBudget.Choice choose(
      Network network,
      DataSplits data,
      TrainingOptions wanted,
      Kernels kernels,
      MemoryLimit limit) {
    long most = limit.bytes();
    try {
      return MemoryBudget.choose(network, data, wanted, kernels, most);
    } catch (MemoryLimitException e) {
      if (!wanted.batchGiven()) {
        throw new BadInputException(limit.source() + " is too small: " + e.getMessage(), e);
      }
      TrainingPlan plan = TrainingPlan.of(network, wanted, kernels);
      int fits = plan.largestBatch(most);
      throw new BadInputException(
          "%s needs %s with a batch of %d and %s activations, but %s is %s; %s"
              .formatted(
                  network.name(),
                  ByteSize.format(plan.totalBytes()),
                  wanted.batch(),
                  wanted.activations(),
                  limit.source(),
                  ByteSize.format(most),
                  fits > 0
                      ? "the largest batch that fits is " + fits + "."
                      : "not even a batch of 1 fits."),
          e);
    }
  }

  /** The threads' scratch lies on the heap: too many of them fill it. */
  private static void checkHeap(TrainingPlan plan) {
    long heap = Runtime.getRuntime().maxMemory();
    if (plan.scratchBytes() > heap / 2) {
      throw new BadInputException(
          "%d threads need %s of the Java heap, which has %s: take fewer --threads, or give more with NIBBLE_JAVA_OPTS=-Xmx%dm."
              .formatted(
                  plan.options().threads(),
                  ByteSize.format(plan.scratchBytes()),
                  ByteSize.format(heap),
                  (3 * plan.scratchBytes()) >> 20));
    }
  }

  /** What was left open is now as if it had been given, for whoever resumes the run. */
  private static void settleChoice(Settings settings, TrainingOptions chosen, Dataset train) {
    MixedFormats mixed = chosen.mixed();
    if (mixed == null) {
      settings.fixed("activations", chosen.store().fitted().text(), "int4");
    } else {
      // What was asked for, if it was; what is resumed is the choice beside it.
      settings.fixed("activations", settings.find("activations"), "mixed");
      settings.fixed(FORMATS, mixed.text(), mixed.text());
    }
    settings.fixed("batch", chosen.batch(), chosen.batch());
    if (chosen.update().accumulates()) {
      settings.optional("accumulate", chosen.update().accumulate());
    }
    if (!settings.has("checkpoint-every")) {
      long epoch = chosen.stepsPerEpoch(train.size());
      settings.free("checkpoint-every", epoch, epoch);
    }
  }

  private static long stepsOf(TrainingOptions options, Dataset train) {
    return options.totalSteps(options.stepsPerEpoch(train.size()));
  }

  private static void checkNormalization(TrainingOptions options, int channels) {
    float[] mean = options.mean();
    float[] std = options.std();
    if (mean != null && std != null && (mean.length != channels || std.length != channels)) {
      throw new BadInputException(
          "--mean and --std need %d values each, one a channel, not %d and %d."
              .formatted(channels, mean.length, std.length));
    }
    if (std != null) {
      for (float value : std) {
        if (!(value > 0)) {
          throw new BadInputException("--std holds " + value + ": give positive numbers.");
        }
      }
    }
  }

  private static boolean isUniform(Settings settings) {
    return settings.text("codes").equals("uniform");
  }

  private static void apply(String activations, Settings settings, TrainingOptionsBuilder builder) {
    MixedFormats mixed = Inputs.mixed(activations);
    if (mixed == null) {
      builder.store(Inputs.activations(activations));
      Inputs.checkCodes(isUniform(settings), Inputs.activations(activations));
      return;
    }
    String formats = settings.find(FORMATS);
    builder.mixed(formats == null ? mixed : mixed.withText(formats));
  }

  private static TrainingOptions options(Settings settings, WorkerGroup group, Dataset train) {
    return builder(settings, group, train).build();
  }

  private static TrainingOptionsBuilder builder(
      Settings settings, WorkerGroup group, Dataset train) {
    @Nullable Integer threads =
        settings.has("threads") ? Integer.valueOf(settings.integer("threads")) : group.threads();
    TrainingOptionsBuilder builder =
        TrainingOptions.builder()
            .naive(settings.flag("naive"))
            .schedule(Inputs.schedule(settings.text("schedule")), settings.decimal("lr"))
            .warmupSteps(settings.whole("warmup-steps"))
            .seed(settings.whole("seed"))
            .threads(Inputs.threads(threads))
            .workers(
                new Workers(
                    group.rank(),
                    group.count(),
                    settings.has("shards") ? settings.integer("shards") : 1,
                    "local".equals(settings.find(BATCH_NORM))))
            .augmentation(TrainSettings.augmentation(settings.text("augment")))
            .shuffle(!settings.flag("no-shuffle"))
            .normalization(settings.decimals("mean"), settings.decimals("std"))
            .pictureMean(settings.flag("picture-mean"));
    String activations = settings.find("activations");
    if (activations != null) {
      apply(activations, settings, builder);
    }
    String recompute = settings.find(RECOMPUTE);
    if (recompute != null) {
      builder.recompute(Inputs.recompute(recompute));
    }
    builder.uniformCodes(isUniform(settings));
    if (settings.has("batch")) {
      builder.batch(settings.integer("batch"));
    }
    String frozen = settings.find("freeze");
    if (frozen != null) {
      builder.freeze(List.of(frozen.split(",", -1)));
    }
    builder.freezeBatchNorm(Boolean.parseBoolean(settings.find("freeze-batch-norm")));
    LossSettings.apply(settings, builder, train);
    UpdateSettings.apply(settings, builder);
    if (settings.has("steps")) {
      builder.steps(settings.whole("steps"));
    } else {
      builder.epochs(settings.integer("epochs"));
    }
    if (settings.has("checkpoint-every")) {
      builder.checkpointEvery(settings.whole("checkpoint-every"));
    }
    return builder;
  }

  /** Allocates the run, or one of several workers' part of it. */
  Trainer openTrainer(MemoryAccount account, @Nullable Collective workers) {
    try {
      return workers == null
          ? Trainer.open(data, choice, account)
          : Trainer.open(data, choice, account, workers);
    } catch (DeviceException e) {
      if (e.outOfMemory()) {
        throw new DeviceFailedException(
            e,
            "Take fewer --threads, let the CPU compute what does not fit with --gpu-fallback, or"
                + " all of it with --kernels vector.");
      }
      throw e;
    }
  }

  /** The account that the run's memory is taken from. */
  MemoryAccount openAccount() {
    return limit.account();
  }

  /** The plan's figures. */
  TrainingPlan plan() {
    return choice.plan();
  }

  /** Which store format and batch the run has, and why. */
  String choice() {
    return choice.reason();
  }

  DataSplits data() {
    return data;
  }

  Network network() {
    return choice.plan().network();
  }

  TrainingOptions options() {
    return choice.plan().options();
  }

  /** Whether each epoch's figures are told of each class. */
  boolean classMetrics() {
    return classMetrics;
  }

  Kernels kernels() {
    return choice.plan().kernels();
  }

  MemoryLimit limit() {
    return limit;
  }

  /** The name of a run of these settings, for its folder. */
  static String runName(Settings settings, DataSplits data) {
    String naive = settings.flag("naive") ? "-naive" : "";
    String codes = isUniform(settings) ? "-uniform" : "";
    String store = settings.text("activations").replace(':', '-') + codes + naive;
    return ModelChoice.label(settings.text("model")) + "-" + data.name() + "-" + store;
  }

  /** What the network is otherwise than in its file, a sentence each. */
  List<String> notes() {
    return notes;
  }

  /** The weights to start from, or null. */
  static @Nullable Path init(Settings settings) {
    String init = settings.find("init");
    return init == null ? null : Path.of(init);
  }

  @Override
  public void close() {
    data.close();
  }
}
