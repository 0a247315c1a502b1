package dev.nibble.samples;

import dev.nibble.engine.data.Resizing;
import dev.nibble.engine.data.loading.Augmentation;
import dev.nibble.engine.data.loading.Augmentations;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The settings of a training: what is given, what was saved, and the defaults. */
final class TrainSettings {
  private static final int SHAPES_EPOCHS = 5;
  private static final int EPOCHS = 10;
  private static final List<String> AUGMENTATIONS =
      List.of(
          "crop-flip",
          "random-resized-crop",
          "none",
          "color-jitter",
          "trivial-augment",
          "random-erasing");
  private static final List<String> BATCH_NORMS = List.of("global", "local");
  private static final List<String> RESIZINGS =
      Arrays.stream(Resizing.values()).map(Resizing::text).toList();

  /** What is usual: colours by up to 40 %, a quarter of the pictures with a part erased. */
  private static final double JITTER = 0.4;

  private static final double ERASING = 0.25;

  private TrainSettings() {}

  /** Puts what is given, what was saved and the defaults together. */
  static void settle(Settings settings, TrainOptions given) {
    settings.fixed("data", given.data == null ? null : Inputs.data(given.data), "shapes");
    ModelChoice model = given.model == null ? null : ModelChoice.of(given.model);
    settings.fixed("model", model == null ? null : model.setting(), "resnet20");
    String activations =
        given.activations == null ? null : Inputs.activationsName(given.activations);
    settings.optional("activations", activations);
    String codes = given.codes == null ? null : Inputs.codesName(given.codes);
    // Runs from before there were fitted codes go on with theirs.
    settings.fixed("codes", codes, settings.isResumed() ? "uniform" : "fitted");
    settings.fixed("naive", given.naive, false);
    settings.optional("batch", given.batch);
    settleLength(settings, given);
    LossSettings.settle(settings, given.loss);
    UpdateSettings.settle(settings, given.update);
    settings.fixed("lr", given.lr, UpdateSettings.standardRate(settings));
    String schedule = given.schedule == null ? null : Inputs.scheduleName(given.schedule);
    settings.fixed("schedule", schedule, "cosine");
    settings.fixed("warmup-steps", given.warmupSteps, 0);
    settings.fixed("seed", given.seed, 0);
    settings.fixed("augment", augmentName(given.augment), "crop-flip");
    settings.fixed("no-shuffle", given.noShuffle, false);
    settings.optional("mean", given.mean);
    settings.optional("std", given.std);
    settings.fixed("picture-mean", given.pictureMean, false);
    settings.optional("image-size", given.imageSize);
    settings.optional(
        TrainSetup.RESIZE,
        given.resize == null ? null : Names.choose("--resize", given.resize, RESIZINGS));
    settings.fixed("skip-unreadable", given.skipUnreadable, false);
    settings.optional("ignore-orientation", given.ignoreOrientation);
    settings.optional("label-column", given.labelColumn);
    settings.optional("val-split", share("--val-split", given.valSplit));
    settings.optional("init", settings.isResumed() ? givenInit(given) : init(given, model));
    settings.optional("freeze", given.freeze == null ? null : String.join(",", given.freeze));
    settings.optional("freeze-batch-norm", given.freezeBatchNorm);
    settings.optional("lr-scale", given.lrScale == null ? null : String.join(",", given.lrScale));
    positive("--shards", given.workers.shards);
    settings.optional("shards", given.workers.shards);
    String norm = given.workers.batchNorm;
    settings.optional(
        TrainSetup.BATCH_NORM,
        norm == null ? null : Names.choose("--batch-norm", norm, BATCH_NORMS));
    settings.free("threads", given.threads, null);
    settings.free("memory-limit", given.memoryLimit, null);
    settings.free(
        TrainSetup.RECOMPUTE,
        given.recompute == null ? null : Inputs.recomputeName(given.recompute),
        null);
    settings.optional(TrainSetup.FORMATS, null);
    settings.free("checkpoint-every", given.checkpointEvery, null);
    settings.free(TrainSetup.CLASS_METRICS, given.classMetrics, null);
    settings.free(TensorBoardFolder.SETTING, TensorBoardFolder.setting(given.tensorboard), null);
  }

  /** A file that is the model is what the run starts from, unless another one is named. */
  private static @Nullable String init(TrainOptions given, @Nullable ModelChoice model) {
    String init = givenInit(given);
    return init == null && model != null && model.file() != null ? model.setting() : init;
  }

  private static @Nullable String givenInit(TrainOptions given) {
    return given.init == null
        ? null
        : BadInputException.path(given.init).toAbsolutePath().normalize().toString();
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

  private static @Nullable Double share(String option, @Nullable Double value) {
    if (value != null && !(value > 0 && value < 1)) {
      throw new BadInputException(option + " is " + value + ": give a share between 0 and 1.");
    }
    return value;
  }

  private static @Nullable String augmentName(@Nullable String text) {
    if (text == null) {
      return null;
    }
    List<String> names = new ArrayList<>();
    for (String part : text.split(",", -1)) {
      names.add(Names.choose("--augment", part, AUGMENTATIONS));
    }
    return String.join(",", names);
  }

  /** What names that {@link #settle} has checked stand for. */
  static Augmentation augmentation(String names) {
    List<Augmentation> parts = new ArrayList<>();
    for (String name : names.split(",", -1)) {
      parts.add(
          switch (name) {
            case "none" -> Augmentation.NONE;
            case "random-resized-crop" -> Augmentation.RANDOM_RESIZED_CROP;
            case "color-jitter" -> Augmentations.colorJitter(JITTER);
            case "trivial-augment" -> Augmentations.trivialAugment();
            case "random-erasing" -> Augmentations.randomErasing(ERASING);
            default -> Augmentation.CROP_FLIP;
          });
    }
    return parts.size() == 1 ? parts.getFirst() : Augmentations.sequence(parts);
  }
}
