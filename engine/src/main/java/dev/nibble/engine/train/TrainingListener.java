package dev.nibble.engine.train;

import dev.nibble.engine.infer.Metrics;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Hears what a training run does; called on the training thread, between steps. */
public interface TrainingListener {
  /** One listener that passes everything on to several, in their order. */
  static TrainingListener all(TrainingListener... listeners) {
    return new Listeners(List.of(listeners));
  }

  /**
   * A step is done: the weights have changed, once for all batches of the step.
   *
   * @param step steps done, from 1
   * @param epoch epoch of the step, from 1
   * @param loss mean loss of the step's pictures
   * @param accuracy share of them classified correctly; with many labels, whose labels are all
   *     right; NaN where numbers are told
   * @param rate learning rate used
   * @param gradientNorm L2 norm of all gradients together before they were clipped; NaN without
   *     clipping
   * @param imagesPerSecond pictures of the step by its seconds
   * @param stepSeconds seconds from step to step
   */
  record Step(
      long step,
      int epoch,
      double loss,
      double accuracy,
      float rate,
      double gradientNorm,
      double imagesPerSecond,
      double stepSeconds) {}

  /**
   * An epoch is done and the validation pictures, or where there are none the test pictures, were
   * evaluated, with the average of the weights if one is kept. The losses of training are smoothed
   * as the labels are, the test loss never is.
   *
   * @param step steps done
   * @param epoch epoch that ended, from 1
   * @param trainLoss mean loss over the epoch's steps (since the resume, if there was one)
   * @param trainAccuracy mean accuracy over them
   * @param testLoss mean loss of the pictures that were evaluated
   * @param testAccuracy share of them classified correctly; for other tasks their {@link
   *     Metrics#score}: mean F1, or R2
   * @param seconds of the evaluation
   * @param onValidation whether those were validation pictures
   * @param metrics all figures of them; null where an epoch is made up without
   */
  record Epoch(
      long step,
      int epoch,
      double trainLoss,
      double trainAccuracy,
      double testLoss,
      double testAccuracy,
      double seconds,
      boolean onValidation,
      @Nullable Metrics metrics) {
    /** An epoch that was evaluated on the test pictures. */
    public Epoch(
        long step,
        int epoch,
        double trainLoss,
        double trainAccuracy,
        double testLoss,
        double testAccuracy,
        double seconds) {
      this(step, epoch, trainLoss, trainAccuracy, testLoss, testAccuracy, seconds, false, null);
    }
  }

  /** The run begins; what it trains can be read during this call and the later ones. */
  default void onStart(TrainingRun run) {}

  /** A step is done. */
  default void onStep(Step step) {}

  /** An epoch is done. */
  default void onEpoch(Epoch epoch) {}

  /** A checkpoint is on disk. */
  default void onCheckpoint(long step, Path file) {}

  /** Something is amiss, but the run goes on. */
  default void onWarning(String sentence) {}
}
