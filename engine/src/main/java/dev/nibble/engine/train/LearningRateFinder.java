package dev.nibble.engine.train;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.loading.BatchSlot;
import dev.nibble.engine.data.loading.DataLoader;
import dev.nibble.engine.data.loading.PrefetchingDataLoader;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.model.WarmStart;
import dev.nibble.engine.network.Network;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Looks for a learning rate: trains for some steps with a rate that rises by the same factor each
 * time, until the loss bursts, and sees where it falls fastest. Source: L. N. Smith, "Cyclical
 * Learning Rates for Training Neural Networks", 2017, section 3.3. What it trains is thrown away.
 */
public final class LearningRateFinder {
  /** What the smoothed loss keeps of itself in a step. */
  private static final double SMOOTHING = 0.9;

  /** How far the smoothed loss may rise above its lowest before the search ends. */
  private static final double BURST = 3;

  /** Steps at the beginning whose losses are too much of a guess to stop by, or to compare. */
  private static final int WARM = 5;

  /**
   * A step.
   *
   * @param rate its learning rate
   * @param loss its pictures' mean loss
   * @param smoothed the mean of the losses so far in which older ones count less and less
   */
  public record Point(float rate, double loss, double smoothed) {}

  /**
   * What was found.
   *
   * @param points the steps that came to a finite loss
   * @param diverged whether the search ended because the loss burst
   * @param steepest where the smoothed loss falls fastest as the rate's logarithm rises: a rate to
   *     train with; NaN if it never falls
   * @param lowest the rate of the lowest smoothed loss, mostly too high to train with
   */
  public record Result(List<Point> points, boolean diverged, float steepest, float lowest) {
    /** Copies the points. */
    public Result {
      points = List.copyOf(points);
    }
  }

  private LearningRateFinder() {}

  /**
   * Searches.
   *
   * @param options of the training that the rate is for; its schedule and length do not matter
   * @param from the first step's rate, above 0
   * @param to the last step's rate, above {@code from}
   * @param steps at least 10
   * @param init a model to start from, as {@link Trainer#warmStart} does; null for random weights
   * @param heard hears of each step
   * @throws IllegalArgumentException if the numbers make no sense
   * @throws dev.nibble.engine.data.DataException if the data does not fit the network
   * @throws dev.nibble.memory.MemoryLimitException if the account has less free than is needed
   */
  public static Result find(
      Network network,
      DataSplits data,
      TrainingOptions options,
      Kernels kernels,
      MemoryAccount account,
      float from,
      float to,
      int steps,
      @Nullable Path init,
      Consumer<Point> heard) {
    return find(
        network, data, options, kernels, account, from, to, steps, init, start -> {}, heard);
  }

  /**
   * Searches as above.
   *
   * @param started hears what a model to start from gave, before the first step
   */
  public static Result find(
      Network network,
      DataSplits data,
      TrainingOptions options,
      Kernels kernels,
      MemoryAccount account,
      float from,
      float to,
      int steps,
      @Nullable Path init,
      Consumer<WarmStart> started,
      Consumer<Point> heard) {
    if (!(from > 0 && to > from && Float.isFinite(to)) || steps < 10) {
      throw new IllegalArgumentException(
          "The rates %s to %s in %d steps: give rising ones above 0, and 10 steps or more"
              .formatted(from, to, steps));
    }
    try (Trainer trainer = Trainer.open(network, data, options, kernels, account)) {
      if (init != null) {
        started.accept(trainer.warmStart(init));
      }
      List<Point> points = new ArrayList<>();
      boolean diverged = search(trainer, data, from, to, steps, points, heard);
      return new Result(points, diverged, steepest(points), lowest(points));
    }
  }

  private static boolean search(
      Trainer trainer,
      DataSplits data,
      float from,
      float to,
      int steps,
      List<Point> points,
      Consumer<Point> heard) {
    TrainingOptions options = trainer.options();
    BatchGroups groups = options.groups(data.train().size());
    Session session = trainer.session();
    List<BatchSlot> slots = session.slots().subList(0, TrainingPlan.LOADER_SLOTS);
    double factor = StrictMath.pow((double) to / from, 1.0 / (steps - 1));
    double mean = 0;
    double weight = 1;
    double best = Double.POSITIVE_INFINITY;
    try (DataLoader loader =
        PrefetchingDataLoader.forTraining(
            data.train(),
            options.batch(),
            options.augmentation(),
            options.shuffle(),
            options.seed(),
            slots,
            0,
            groups.batchesBefore(steps),
            session.share(),
            options.mixing())) {
      StepRunner runner =
          new StepRunner(session, loader, groups, new Interrupts(), data.train().task());
      for (int step = 1; step <= steps; step++) {
        float rate = (float) (from * StrictMath.pow(factor, step - 1));
        if (!runner.run(step, rate)) {
          return false;
        }
        mean = SMOOTHING * mean + (1 - SMOOTHING) * runner.loss();
        weight *= SMOOTHING;
        Point point = new Point(rate, runner.loss(), mean / (1 - weight));
        points.add(point);
        heard.accept(point);
        if (step > WARM && point.smoothed() > BURST * best) {
          return true;
        }
        best = Math.min(best, point.smoothed());
      }
      return false;
    } catch (DivergedException e) {
      return true;
    }
  }

  /** Before the lowest loss, where the slope over two steps' rates is least. */
  private static float steepest(List<Point> points) {
    int end = lowestIndex(points);
    double least = 0;
    float found = Float.NaN;
    for (int i = WARM; i <= end - 1; i++) {
      Point before = points.get(i - 1);
      Point after = points.get(i + 1);
      double slope =
          (after.smoothed() - before.smoothed()) / Math.log(after.rate() / before.rate());
      if (slope < least) {
        least = slope;
        found = points.get(i).rate();
      }
    }
    return found;
  }

  private static float lowest(List<Point> points) {
    return points.isEmpty() ? Float.NaN : points.get(lowestIndex(points)).rate();
  }

  private static int lowestIndex(List<Point> points) {
    int lowest = 0;
    for (int i = 1; i < points.size(); i++) {
      if (points.get(i).smoothed() < points.get(lowest).smoothed()) {
        lowest = i;
      }
    }
    return lowest;
  }
}
