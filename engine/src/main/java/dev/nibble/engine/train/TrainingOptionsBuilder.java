package dev.nibble.engine.train;

import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.data.loading.Augmentation;
import dev.nibble.engine.data.loading.Mixing;
import dev.nibble.engine.network.LayerRange;
import dev.nibble.engine.optim.LearningRateSchedule;
import dev.nibble.engine.optim.Loss;
import dev.nibble.engine.optim.Optimizer;
import dev.nibble.engine.optim.UpdateRule;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.kernels.StoreFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Collects {@link TrainingOptions}; every method returns the builder. */
public final class TrainingOptionsBuilder {
  private StoreFormat store = StoreFormat.INT4;
  private boolean storeGiven;
  private boolean uniform;
  private boolean naive;
  private int batch = 128;
  private boolean batchGiven;
  private int epochs = 10;
  private long steps;
  private Schedule schedule = Schedule.COSINE;
  private float rate = 0.1f;
  private long warmupSteps;
  private Optimizer optimizer = Optimizer.recipe();
  private double clipNorm;
  private int accumulate = 1;
  private double ema;
  private double labelSmoothing;
  private @Nullable EarlyStopping earlyStopping;
  private long seed;
  private int threads = 2;
  private Augmentation augmentation = Augmentation.CROP_FLIP;
  private boolean shuffle = true;
  private float @Nullable [] mean;
  private float @Nullable [] std;
  private boolean pictureMean;
  private List<String> frozen = List.of();
  private boolean freezeBatchNorm;
  private final Map<String, Double> rateScales = new LinkedHashMap<>();
  private long checkpointEvery;
  private Workers workers = Workers.ONE;
  private @Nullable MixedFormats mixed;
  private Recompute recompute = Recompute.AUTO;
  private List<LayerRange> recomputed = List.of();
  private @Nullable Loss loss;
  private Mixing mixing = Mixing.NONE;
  private @Nullable LearningRateSchedule ownSchedule;

  TrainingOptionsBuilder() {}

  /**
   * How activations are stored for the backward pass: FP32, or codes. Without it, INT4, or fewer
   * bits if nothing else fits the memory that the trainer may take.
   */
  public TrainingOptionsBuilder store(StoreFormat format) {
    store = format;
    storeGiven = true;
    mixed = null;
    return this;
  }

  /** Codes of a format of its own for each activation, within a budget. */
  public TrainingOptionsBuilder mixed(MixedFormats value) {
    store = StoreFormat.INT4;
    storeGiven = true;
    mixed = value;
    return this;
  }

  /** Whether activations may be computed twice instead of stored; by default where it is needed. */
  public TrainingOptionsBuilder recompute(Recompute value) {
    recompute = value;
    return this;
  }

  /**
   * The layers whose activations are computed twice; without it, chosen as {@link #recompute} says.
   */
  public TrainingOptionsBuilder recomputed(List<LayerRange> layers) {
    recomputed = List.copyOf(layers);
    return this;
  }

  /** Whether codes are the paper's, evenly spaced over six deviations, instead of fitted ones. */
  public TrainingOptionsBuilder uniformCodes(boolean value) {
    uniform = value;
    return this;
  }

  /** Whether the forward pass reads the restored activations: the paper's baseline. */
  public TrainingOptionsBuilder naive(boolean value) {
    naive = value;
    return this;
  }

  /**
   * Pictures that are computed at once. Without it, 128, or what fits the memory that the trainer
   * may take and the data set has.
   */
  public TrainingOptionsBuilder batch(int pictures) {
    batch = pictures;
    batchGiven = true;
    return this;
  }

  /** Passes over the training pictures. */
  public TrainingOptionsBuilder epochs(int count) {
    epochs = count;
    steps = 0;
    return this;
  }

  /** Steps in all, instead of epochs. */
  public TrainingOptionsBuilder steps(long count) {
    steps = count;
    return this;
  }

  /** The learning rate's course and its highest value. */
  public TrainingOptionsBuilder schedule(Schedule course, float highest) {
    schedule = course;
    rate = highest;
    ownSchedule = null;
    return this;
  }

  /**
   * The learning rate of every step, which counts from 0 over all epochs, as it is: warm-up is its
   * own matter ({@link LearningRateSchedule#withWarmup}). A run is resumed only with a schedule of
   * the same rates.
   */
  public TrainingOptionsBuilder schedule(LearningRateSchedule rates) {
    ownSchedule = rates;
    return this;
  }

  /** What is made small. Without it, the usual one of the data's task ({@link Loss#of}). */
  public TrainingOptionsBuilder loss(Loss value) {
    loss = value;
    return this;
  }

  /** How pairs of training pictures are mixed; by default, they are not. */
  public TrainingOptionsBuilder mixing(Mixing value) {
    mixing = value;
    return this;
  }

  /** Steps in which the rate rises linearly. */
  public TrainingOptionsBuilder warmupSteps(long count) {
    warmupSteps = count;
    return this;
  }

  /** What changes the weights. */
  public TrainingOptionsBuilder optimizer(Optimizer value) {
    optimizer = value;
    return this;
  }

  /** The longest that all gradients together may be, in the L2 norm; 0 for no limit. */
  public TrainingOptionsBuilder clipNorm(double longest) {
    clipNorm = longest;
    return this;
  }

  /**
   * Batches whose averaged gradients make one step. Steps of schedule, listeners and checkpoints
   * are those of the weights. Without batch norm, which normalises each batch by itself, it is as
   * if the batch were so many times as large, at the memory of one and a buffer of gradients.
   */
  public TrainingOptionsBuilder accumulate(int batches) {
    accumulate = batches;
    return this;
  }

  /**
   * How much a running average of the weights keeps in a step; 0 for none. Evaluation and the saved
   * model use the average, with batch norm's running statistics as training left them.
   */
  public TrainingOptionsBuilder ema(double decay) {
    ema = decay;
    return this;
  }

  /** The share of all classes in a training picture's target; 0 for none. */
  public TrainingOptionsBuilder labelSmoothing(double share) {
    labelSmoothing = share;
    return this;
  }

  /**
   * Ends the run when the accuracy on the validation pictures, or where there are none on the test
   * pictures, has not risen by more than {@code minDelta} for {@code patience} epochs. The model of
   * the best epoch is kept, in a buffer of its own.
   */
  public TrainingOptionsBuilder earlyStopping(int patience, double minDelta) {
    earlyStopping = new EarlyStopping(patience, minDelta);
    return this;
  }

  /** Seed of weights, order and crops. */
  public TrainingOptionsBuilder seed(long value) {
    seed = value;
    return this;
  }

  /** Threads that compute. */
  public TrainingOptionsBuilder threads(int count) {
    threads = count;
    return this;
  }

  /** How the training pictures are varied. */
  public TrainingOptionsBuilder augmentation(Augmentation value) {
    augmentation = value;
    return this;
  }

  /** Whether every epoch has an order of its own. */
  public TrainingOptionsBuilder shuffle(boolean value) {
    shuffle = value;
    return this;
  }

  /** What pictures of values 0..1 are normalised by, instead of the training set's own. */
  public TrainingOptionsBuilder normalization(float @Nullable [] means, float @Nullable [] stds) {
    mean = means == null ? null : means.clone();
    std = stds == null ? null : stds.clone();
    return this;
  }

  /** Whether each picture's own mean is subtracted, as in the paper. */
  public TrainingOptionsBuilder pictureMean(boolean value) {
    pictureMean = value;
    return this;
  }

  /**
   * Layers that are not trained, by name, group or pattern ({@link
   * dev.nibble.engine.network.LayerNames}): {@code stages.0} freezes every layer whose name begins
   * with {@code stages.0.}. Whatever a frozen layer reads must be frozen too. Frozen layers run as
   * in inference: batch norm uses its running statistics, and they store nothing for the backward
   * pass, which ends above them.
   */
  public TrainingOptionsBuilder freeze(List<String> layers) {
    frozen = List.copyOf(layers);
    return this;
  }

  /**
   * Whether batch norms use their running statistics in training, too, which then stay as they are:
   * for few pictures, or small batches. Their scales and shifts are trained unless frozen.
   */
  public TrainingOptionsBuilder freezeBatchNorm(boolean value) {
    freezeBatchNorm = value;
    return this;
  }

  /**
   * What the learning rate of some layers is multiplied by, such as 10 for a new head.
   *
   * @param layers a name, group or pattern, as {@link dev.nibble.engine.network.LayerNames} has
   *     them; where several stand for a layer, the last one counts
   */
  public TrainingOptionsBuilder rateScale(String layers, double factor) {
    rateScales.put(layers, factor);
    return this;
  }

  /** Steps between checkpoints; 0 for one at the end. */
  public TrainingOptionsBuilder checkpointEvery(long count) {
    checkpointEvery = count;
    return this;
  }

  /**
   * Who shares every batch: by default, one worker computes all of it. A trainer that is opened
   * with a {@link dev.nibble.engine.collective.Collective} takes rank and count from there.
   */
  public TrainingOptionsBuilder workers(Workers value) {
    workers = value;
    return this;
  }

  /**
   * The options.
   *
   * @throws IllegalArgumentException if a number makes no sense
   */
  public TrainingOptions build() {
    return new TrainingOptions(
        uniform ? store.uniform() : store,
        storeGiven,
        naive,
        batch,
        batchGiven,
        epochs,
        steps,
        schedule,
        rate,
        warmupSteps,
        new UpdateRule(optimizer, clipNorm, accumulate, ema, rateScales),
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
        checkpointEvery,
        workers,
        mixed,
        recompute,
        recomputed,
        loss,
        mixing,
        ownSchedule);
  }
}
