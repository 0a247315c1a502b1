package dev.nibble.samples;

import dev.nibble.engine.data.Augmentation;
import dev.nibble.engine.data.DataLoader;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.engine.train.TrainingOptionsBuilder;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.ByteSize;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.MemoryLimitException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Everything that a run is made of, opened from its settings; owns the data. */
final class TrainSetup implements AutoCloseable {
  private static final int SHAPES_EPOCHS = 5;
  private static final int EPOCHS = 10;

  private final DataSplits data;
  private final Network network;
  private final Kernels kernels;
  private final TrainingOptions options;
  private final @Nullable Long limit;

  private TrainSetup(
      DataSplits data,
      Network network,
      Kernels kernels,
      TrainingOptions options,
      @Nullable Long limit) {
    this.data = data;
    this.network = network;
    this.kernels = kernels;
    this.options = options;
    this.limit = limit;
  }

  /** Puts what is given, what was saved and the defaults together. */
  static void settle(Settings settings, TrainOptions given) {
    settings.fixed("data", given.data == null ? null : Inputs.data(given.data), "shapes");
    settings.fixed("model", given.model == null ? null : lower(given.model), "resnet20");
    String activations =
        given.activations == null ? null : Inputs.activationsName(given.activations);
    settings.fixed("activations", activations, "int4");
    settings.fixed("naive", given.naive, false);
    settings.fixed("batch", given.batch, 128);
    settleLength(settings, given);
    settings.fixed("lr", given.lr, 0.1f);
    String schedule = given.schedule == null ? null : Inputs.scheduleName(given.schedule);
    settings.fixed("schedule", schedule, "cosine");
    settings.fixed("warmup-steps", given.warmupSteps, 0);
    settings.fixed("momentum", given.momentum, 0.9f);
    settings.fixed("weight-decay", given.weightDecay, 2e-4f);
    settings.fixed("seed", given.seed, 0);
    settings.fixed("augment", augmentName(given.augment), "crop-flip");
    settings.fixed("no-shuffle", given.noShuffle, false);
    settings.optional("mean", given.mean);
    settings.optional("std", given.std);
    settings.fixed("picture-mean", given.pictureMean, false);
    settings.optional("image-size", given.imageSize);
    settings.fixed("skip-unreadable", given.skipUnreadable, false);
    String init =
        given.init == null
            ? null
            : BadInputException.path(given.init).toAbsolutePath().normalize().toString();
    settings.optional("init", init);
    settings.optional("freeze", given.freeze == null ? null : String.join(",", given.freeze));
    settings.free("threads", given.threads, null);
    settings.free("memory-limit", given.memoryLimit, null);
    settings.free("checkpoint-every", given.checkpointEvery, null);
  }

  private static void settleLength(Settings settings, TrainOptions given) {
    if (given.epochs != null && given.steps != null) {
      throw new BadInputException("Give --epochs or --steps, not both.");
    }
    positive("--epochs", given.epochs);
    positive("--steps", given.steps);
    positive("--batch", given.batch);
    Integer epochs = given.epochs;
    if (epochs == null && given.steps == null && !settings.isResumed()) {
      epochs = settings.text("data").equals("shapes") ? SHAPES_EPOCHS : EPOCHS;
    }
    settings.optional("epochs", epochs);
    settings.optional("steps", given.steps);
  }

  private static void positive(String option, @Nullable Number value) {
    if (value != null && value.longValue() < 1) {
      throw new BadInputException(option + " is " + value + ": give 1 or more.");
    }
  }

  private static String lower(String text) {
    return text.strip().toLowerCase(Locale.ROOT);
  }

  private static @Nullable String augmentName(@Nullable String text) {
    return text == null ? null : Names.choose("--augment", text, List.of("crop-flip", "none"));
  }

  /** Opens the data and checks all that can be checked before anything is allocated. */
  static TrainSetup open(Settings settings, @Nullable String kernelsWanted) {
    Kernels kernels = kernels(settings, kernelsWanted);
    DataSplits data =
        Inputs.open(
            settings.text("data"),
            Inputs.pictureSize(settings.find("image-size")),
            settings.flag("skip-unreadable"));
    try {
      Dataset train = data.train();
      // What a resume must find again: other pictures would make other weights.
      settings.fixed("pictures", train.size(), train.size());
      FeatureMap map = new FeatureMap(train.height(), train.width(), train.channels());
      Network network = Inputs.network(settings.text("model"), map, train.classNames().size());
      TrainingOptions options = BadInputException.check(() -> options(settings, train));
      BadInputException.check(() -> options.rates(stepsOf(options, train)));
      BadInputException.check(
          () -> Trainer.plan(network, options)); // among others, which layers can be frozen
      checkNormalization(options, train.channels());
      return new TrainSetup(
          data, network, kernels, options, Inputs.bytes(settings.find("memory-limit")));
    } catch (RuntimeException | Error e) {
      data.close();
      throw e;
    }
  }

  private static Kernels kernels(Settings settings, @Nullable String wanted) {
    Kernels kernels =
        settings.isResumed() && wanted == null
            ? Inputs.kernels(settings.savedText("kernels"))
            : Inputs.kernelsOrDefault(wanted);
    settings.fixed("kernels", kernels.name(), kernels.name());
    return kernels;
  }

  private static long stepsOf(TrainingOptions options, Dataset train) {
    return options.totalSteps(DataLoader.stepsPerEpoch(train.size(), options.batch(), true));
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

  private static TrainingOptions options(Settings settings, Dataset train) {
    TrainingOptionsBuilder builder =
        TrainingOptions.builder()
            .store(Inputs.activations(settings.text("activations")))
            .naive(settings.flag("naive"))
            .batch(settings.integer("batch"))
            .schedule(Inputs.schedule(settings.text("schedule")), settings.decimal("lr"))
            .warmupSteps(settings.whole("warmup-steps"))
            .momentum(settings.decimal("momentum"))
            .weightDecay(settings.decimal("weight-decay"))
            .seed(settings.whole("seed"))
            .threads(Inputs.threads(settings.has("threads") ? settings.integer("threads") : null))
            .augmentation(
                settings.text("augment").equals("none")
                    ? Augmentation.NONE
                    : Augmentation.CROP_FLIP)
            .shuffle(!settings.flag("no-shuffle"))
            .normalization(settings.decimals("mean"), settings.decimals("std"))
            .pictureMean(settings.flag("picture-mean"));
    String frozen = settings.find("freeze");
    if (frozen != null) {
      builder.freeze(List.of(frozen.split(",", -1)));
    }
    if (settings.has("steps")) {
      builder.steps(settings.whole("steps"));
    } else {
      builder.epochs(settings.integer("epochs"));
    }
    long epoch = DataLoader.stepsPerEpoch(train.size(), settings.integer("batch"), true);
    builder.checkpointEvery(
        settings.has("checkpoint-every") ? settings.whole("checkpoint-every") : epoch);
    return builder.build();
  }

  /**
   * Allocates the run.
   *
   * @throws MemoryLimitException saying what would fit, if the limit is too small
   */
  Trainer openTrainer(MemoryAccount account) {
    try {
      return Trainer.open(network, data, options, kernels, account);
    } catch (MemoryLimitException e) {
      int fits = report().largestBatch(account.limit());
      throw new BadInputException(
          "%s needs %s with a batch of %d and %s activations, but --memory-limit is %s; %s"
              .formatted(
                  network.name(),
                  ByteSize.format(report().totalBytes()),
                  options.batch(),
                  options.store().name().toLowerCase(Locale.ROOT),
                  ByteSize.format(account.limit()),
                  fits > 0
                      ? "the largest batch that fits is " + fits + "."
                      : "not even a batch of 1 fits."),
          e);
    }
  }

  /** The account that the run's memory is taken from. */
  MemoryAccount openAccount() {
    return MemoryAccount.root("nibble", limit == null ? MemoryAccount.UNLIMITED : limit);
  }

  /** The plan's figures. */
  PlanReport report() {
    return new PlanReport(network, options, kernels);
  }

  DataSplits data() {
    return data;
  }

  Network network() {
    return network;
  }

  TrainingOptions options() {
    return options;
  }

  Kernels kernels() {
    return kernels;
  }

  @Nullable Long limit() {
    return limit;
  }

  /** The name of a run of these settings, for its folder. */
  static String runName(Settings settings, DataSplits data) {
    String naive = settings.flag("naive") ? "-naive" : "";
    return settings.text("model") + "-" + data.name() + "-" + settings.text("activations") + naive;
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
