package dev.nibble.engine.train;

import dev.nibble.engine.data.Augmentation;
import dev.nibble.engine.optim.LearningRateSchedule;
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
 * @param batch pictures a step
 * @param batchGiven whether the user chose that; if not, a memory limit may change it
 * @param epochs passes over the training pictures, where {@code steps} is 0
 * @param steps steps in all, or 0 to count epochs
 * @param schedule the shape of the learning rate's course
 * @param rate the highest learning rate
 * @param warmupSteps steps in which the rate rises linearly
 * @param momentum SGD's momentum
 * @param weightDecay on convolution and dense weights
 * @param seed of weights, order and crops
 * @param threads threads that compute
 * @param augmentation of the training pictures
 * @param shuffle whether every epoch has an order of its own
 * @param mean subtracted from pictures of 0..1, or null for the training set's
 * @param std divides them, or null for the training set's
 * @param pictureMean whether each picture's own mean is subtracted, as in the paper
 * @param frozen names of layers, or of groups of them, that are not trained; whatever they read
 *     must be frozen too
 * @param checkpointEvery steps between checkpoints, or 0 for one at the end
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
    float momentum,
    float weightDecay,
    long seed,
    int threads,
    Augmentation augmentation,
    boolean shuffle,
    float @Nullable [] mean,
    float @Nullable [] std,
    boolean pictureMean,
    List<String> frozen,
    long checkpointEvery) {

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
    if ((mean == null) != (std == null)) {
      throw new IllegalArgumentException("Give both mean and std, or neither");
    }
    mean = mean == null ? null : mean.clone();
    std = std == null ? null : std.clone();
    frozen = List.copyOf(frozen);
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

  /** Steps in all, for a training set of so many steps an epoch. */
  public long totalSteps(long stepsPerEpoch) {
    return steps > 0 ? steps : Math.multiplyExact(epochs, stepsPerEpoch);
  }

  /** The learning rate of every step of a run of that many. */
  public LearningRateSchedule rates(long totalSteps) {
    return switch (schedule) {
      case CONSTANT -> LearningRateSchedule.constant(rate).withWarmup(warmupSteps);
      case STEP -> LearningRateSchedule.step(rate, totalSteps).withWarmup(warmupSteps);
      case COSINE -> LearningRateSchedule.cosine(rate, totalSteps, warmupSteps);
      case PAPER -> LearningRateSchedule.paper(rate, totalSteps).withWarmup(warmupSteps);
    };
  }

  /** The same with a store format and a batch that are fixed now. */
  TrainingOptions with(StoreFormat format, int pictures) {
    return new TrainingOptions(
        format,
        true,
        naive,
        pictures,
        true,
        epochs,
        steps,
        schedule,
        rate,
        warmupSteps,
        momentum,
        weightDecay,
        seed,
        threads,
        augmentation,
        shuffle,
        mean,
        std,
        pictureMean,
        frozen,
        checkpointEvery);
  }

  /** What must be the same for a resumed run to end with the bytes of an uninterrupted one. */
  Map<String, String> trajectory(long totalSteps) {
    Map<String, String> map = new LinkedHashMap<>();
    map.put("activations", store.name().toLowerCase(Locale.ROOT));
    map.put("naive", Boolean.toString(naive));
    map.put("batch", Integer.toString(batch));
    map.put("steps", Long.toString(totalSteps));
    map.put("schedule", schedule.name().toLowerCase(Locale.ROOT));
    map.put("lr", Float.toString(rate));
    map.put("warmup-steps", Long.toString(warmupSteps));
    map.put("momentum", Float.toString(momentum));
    map.put("weight-decay", Float.toString(weightDecay));
    map.put("seed", Long.toString(seed));
    map.put("augment", augmentation.name());
    map.put("shuffle", Boolean.toString(shuffle));
    map.put("picture-mean", Boolean.toString(pictureMean));
    if (!frozen.isEmpty()) {
      map.put("freeze", String.join(",", frozen));
    }
    return map;
  }
}
