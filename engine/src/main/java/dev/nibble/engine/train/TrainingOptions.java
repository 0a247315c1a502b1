package dev.nibble.engine.train;

import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.data.loading.Augmentation;
import dev.nibble.engine.data.loading.Mixing;
import dev.nibble.engine.network.LayerRange;
import dev.nibble.engine.optim.KernelLoss;
import dev.nibble.engine.optim.LearningRateSchedule;
import dev.nibble.engine.optim.Loss;
import dev.nibble.engine.optim.UpdateRule;
import dev.nibble.kernels.StoreFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a network is trained. Made by {@link #builder()}; everything has a default.
 *
 * @param store how activations are stored for the backward pass
 * @param storeGiven whether the user chose that; if not, a memory limit may change it
 * @param naive whether the forward pass reads the restored activations (the paper's baseline)
 * @param batch pictures that are computed at once; a step takes {@code update.accumulate()} batches
 * @param batchGiven whether the user chose that; if not, a memory limit may change it
 * @param epochs passes over the training pictures, where {@code steps} is 0
 * @param steps steps in all, or 0 to count epochs
 * @param schedule the shape of the learning rate's course, unless {@code ownSchedule} is it
 * @param rate the highest learning rate
 * @param warmupSteps steps in which the rate rises linearly
 * @param update how gradients become new weights
 * @param labelSmoothing the share of all classes in a training picture's target, 0 for none
 * @param earlyStopping when a run ends before its last step, or null for never
 * @param seed of weights, order and crops
 * @param threads threads that compute
 * @param augmentation of the training pictures
 * @param shuffle whether every epoch has an order of its own
 * @param mean subtracted from pictures of 0..1, or null for the training set's
 * @param std divides them, or null for the training set's
 * @param pictureMean whether each picture's own mean is subtracted, as in the paper
 * @param frozen names of layers, or of groups of them, that are not trained; whatever they read
 *     must be frozen too
 * @param freezeBatchNorm whether batch norms use their running statistics in training, too, which
 *     then stay as they are
 * @param checkpointEvery steps between checkpoints, or 0 for one at the end
 * @param workers who shares every batch
 * @param mixed a format of its own for each activation, or null for {@code store} everywhere
 * @param recompute whether activations may be computed twice instead of stored
 * @param recomputed the layers that are, where that is settled
 * @param loss what is made small; null for the usual one of the data's task
 * @param mixing how pairs of training pictures are mixed
 * @param ownSchedule the learning rate of every step, instead of schedule, rate and warm-up
 */
@SuppressWarnings("ArrayRecordComponent") // copied in and out; nobody compares such records
public record TrainingOptions(
    StoreFormat store,
    boolean storeGiven,
    boolean naive,
    int batch,
    boolean batchGiven,
    int epochs,
    long steps,
    Schedule schedule,
    float rate,
    long warmupSteps,
    UpdateRule update,
    double labelSmoothing,
    @Nullable EarlyStopping earlyStopping,
    long seed,
    int threads,
    Augmentation augmentation,
    boolean shuffle,
    float @Nullable [] mean,
    float @Nullable [] std,
    boolean pictureMean,
    List<String> frozen,
    boolean freezeBatchNorm,
    long checkpointEvery,
    Workers workers,
    @Nullable MixedFormats mixed,
    Recompute recompute,
    List<LayerRange> recomputed,
    @Nullable Loss loss,
    Mixing mixing,
    @Nullable LearningRateSchedule ownSchedule) {

  /** Where the trajectory, and a model's metadata, says each activation's format. */
  static final String FORMATS = "formats";

  /** The learning rate's course. */
  public enum Schedule {
    /** The same rate throughout. */
    CONSTANT,
    /** A tenth at half of the run, a hundredth at three quarters. */
    STEP,
    /** Half a cosine wave to zero. */
    COSINE,
    /** The paper's steps, scaled to the run. */
    PAPER
  }

  /** Checks the numbers that no other part checks. */
  public TrainingOptions {
    if (batch < 1) {
      throw new IllegalArgumentException("A batch has at least 1 picture, not " + batch);
    }
    if (epochs < 1 && steps < 1) {
      throw new IllegalArgumentException("Training needs at least one epoch or one step");
    }
    if (steps < 0 || checkpointEvery < 0 || warmupSteps < 0) {
      throw new IllegalArgumentException("Counts of steps must not be negative");
    }
    if (!(rate > 0) || Float.isInfinite(rate)) {
      throw new IllegalArgumentException("The learning rate must be positive, not " + rate);
    }
    if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
      throw new IllegalArgumentException(
          "label smoothing is %s, give a share from 0 (none) up to but not including 1"
              .formatted(labelSmoothing));
    }
    if (loss instanceof KernelLoss kernel && !kernel.function().isSoftmax() && labelSmoothing > 0) {
      throw new IllegalArgumentException(
          "label smoothing belongs to cross-entropy, but the loss is %s".formatted(loss.name()));
    }
    if (mixing.isOn() && batch < 2) {
      throw new IllegalArgumentException(
          "pictures of a batch are mixed with each other, so take a batch of 2 or more");
    }
    if ((mean == null) != (std == null)) {
      throw new IllegalArgumentException("Give both mean and std, or neither");
    }
    mean = mean == null ? null : mean.clone();
    std = std == null ? null : std.clone();
    frozen = List.copyOf(frozen);
    recomputed = List.copyOf(recomputed);
  }

  @Override
  public float @Nullable [] mean() {
    return mean == null ? null : mean.clone();
  }

  @Override
  public float @Nullable [] std() {
    return std == null ? null : std.clone();
  }

  /** Starts from the defaults: int4, batch 128, 10 epochs, cosine from 0.1, two threads. */
  public static TrainingOptionsBuilder builder() {
    return new TrainingOptionsBuilder();
  }

  /**
   * Steps of an epoch of so many pictures; the last one has what is left, fewer pictures mostly.
   *
   * @throws dev.nibble.engine.data.DataException if they fill not even one
   */
  public long stepsPerEpoch(int pictures) {
    return groups(pictures).stepsPerEpoch();
  }

  BatchGroups groups(int pictures) {
    return BatchGroups.of(pictures, batch, update.accumulate());
  }

  /** Steps in all, for a training set of so many steps an epoch. */
  public long totalSteps(long stepsPerEpoch) {
    return steps > 0 ? steps : Math.multiplyExact(epochs, stepsPerEpoch);
  }

  /** The learning rate of every step of a run of that many. */
  public LearningRateSchedule rates(long totalSteps) {
    if (ownSchedule != null) {
      return ownSchedule;
    }
    return switch (schedule) {
      case CONSTANT -> LearningRateSchedule.constant(rate).withWarmup(warmupSteps);
      case STEP -> LearningRateSchedule.step(rate, totalSteps).withWarmup(warmupSteps);
      case COSINE -> LearningRateSchedule.cosine(rate, totalSteps, warmupSteps);
      case PAPER -> LearningRateSchedule.paper(rate, totalSteps).withWarmup(warmupSteps);
    };
  }

  /** How activations are stored, for people: a format, or {@code mixed}. */
  public String activations() {
    return mixed == null ? store.text() : store.isUniform() ? "uniform mixed" : "mixed";
  }

  /** The same with what is kept how, a batch, and batches a step that are fixed now. */
  TrainingOptions with(
      StoreFormat format,
      @Nullable MixedFormats formats,
      List<LayerRange> twice,
      int pictures,
      int accumulate) {
    UpdateRule rule = update.withAccumulate(accumulate);
    return with(format, true, pictures, true, rule, workers, formats, twice, loss, checkpointEvery);
  }

  /** The same for one of so many workers. */
  TrainingOptions as(int rank, int count) {
    return with(
        store,
        storeGiven,
        batch,
        batchGiven,
        update,
        workers.as(rank, count),
        mixed,
        recomputed,
        loss,
        checkpointEvery);
  }

  /**
   * The same with the usual loss of a task, unless one was chosen.
   *
   * @throws IllegalArgumentException if the chosen one has no meaning for the task
   */
  TrainingOptions forTask(Task task) {
    Loss chosen = loss;
    if (chosen == null) {
      return with(
          store,
          storeGiven,
          batch,
          batchGiven,
          update,
          workers,
          mixed,
          recomputed,
          Loss.of(task),
          checkpointEvery);
    }
    if (!chosen.fits(task)) {
      throw new IllegalArgumentException(
          "The loss %s is not for data of %s: take another loss, or none for the usual one"
              .formatted(chosen.name(), task.text()));
    }
    return this;
  }

  private TrainingOptions with(
      StoreFormat format,
      boolean formatGiven,
      int pictures,
      boolean picturesGiven,
      UpdateRule rule,
      Workers all,
      @Nullable MixedFormats formats,
      List<LayerRange> twice,
      @Nullable Loss other,
      long every) {
    return new TrainingOptions(
        format,
        formatGiven,
        naive,
        pictures,
        picturesGiven,
        epochs,
        steps,
        schedule,
        rate,
        warmupSteps,
        rule,
        labelSmoothing,
        earlyStopping,
        seed,
        threads,
        augmentation,
        shuffle,
        mean,
        std,
        pictureMean,
        frozen,
        freezeBatchNorm,
        every,
        all,
        formats,
        recompute,
        twice,
        other,
        mixing,
        ownSchedule);
  }

  /** The loss that is computed. */
  Loss lossInUse() {
    return loss == null ? Loss.crossEntropy() : loss;
  }

  /** How many of the loader's batches, the first ones, have targets beside labels. */
  int targetSlots() {
    boolean labels = lossInUse() instanceof KernelLoss kernel && kernel.function().readsLabels();
    if (!labels) {
      return TrainingPlan.SLOTS;
    }
    return mixing.isOn() ? TrainingPlan.LOADER_SLOTS : 0;
  }

  /** The same with formats that are chosen now. */
  TrainingOptions withFormats(MixedFormats formats) {
    return with(
        store,
        storeGiven,
        batch,
        batchGiven,
        update,
        workers,
        formats,
        recomputed,
        loss,
        checkpointEvery);
  }

  /** The same with a checkpoint after every so many steps, or, with 0, one at the end. */
  TrainingOptions withCheckpointEvery(long every) {
    return with(
        store, storeGiven, batch, batchGiven, update, workers, mixed, recomputed, loss, every);
  }

  /** What must be the same for a resumed run to end with the bytes of an uninterrupted one. */
  Map<String, String> trajectory(long totalSteps) {
    Map<String, String> map = new LinkedHashMap<>();
    map.put("activations", mixed == null ? store.name().toLowerCase(Locale.ROOT) : activations());
    if (mixed != null) {
      map.put(FORMATS, mixed.text());
    }
    map.put("naive", Boolean.toString(naive));
    map.put("batch", Integer.toString(batch));
    map.put("steps", Long.toString(totalSteps));
    if (ownSchedule == null) {
      map.put("schedule", schedule.name().toLowerCase(Locale.ROOT));
      map.put("lr", Float.toString(rate));
      map.put("warmup-steps", Long.toString(warmupSteps));
    } else {
      map.put("schedule", RateFingerprint.of(ownSchedule, totalSteps));
    }
    map.putAll(update.settings());
    if (labelSmoothing > 0) {
      map.put("label-smoothing", Double.toString(labelSmoothing));
    }
    if (earlyStopping != null) {
      map.put("early-stopping", Integer.toString(earlyStopping.patience()));
      map.put("min-delta", Double.toString(earlyStopping.minDelta()));
    }
    if (!lossInUse().name().equals(Loss.crossEntropy().name())) {
      map.put("loss", lossInUse().name());
    }
    map.put("seed", Long.toString(seed));
    map.put("augment", augmentation.name());
    if (mixing.mixup() > 0) {
      map.put("mixup", Double.toString(mixing.mixup()));
    }
    if (mixing.cutmix() > 0) {
      map.put("cutmix", Double.toString(mixing.cutmix()));
    }
    map.put("shuffle", Boolean.toString(shuffle));
    map.put("picture-mean", Boolean.toString(pictureMean));
    if (!frozen.isEmpty()) {
      map.put("freeze", String.join(",", frozen));
    }
    if (freezeBatchNorm) {
      map.put("freeze-batch-norm", "true");
    }
    if (workers.shards() > 1) {
      map.put("shards", Integer.toString(workers.shards()));
    }
    if (workers.localNorm() && workers.count() > 1) {
      map.put("batch-norm", "local to " + workers.count() + " workers");
    }
    return map;
  }
}
