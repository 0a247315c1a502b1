package dev.nibble.engine.optim;

import dev.nibble.engine.data.Task;
import dev.nibble.kernels.LossFunction;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What training makes small: how far a network's outputs are from what they should be. The usual
 * ones are here; implement it for one of your own, which then computes on the calling thread.
 *
 * <p>It sees whole batches, whoever has computed their parts: so the same batch gives the same
 * bytes for any number of threads and workers, if it is a pure function.
 */
public interface Loss {
  /**
   * What it is called, constants among it: a run is resumed only with the same name. Without
   * commas.
   */
  String name();

  /** Whether it has a meaning for such data. */
  boolean fits(Task task);

  /**
   * Computes a batch's loss.
   *
   * @param outputs fp32 pictures x values: the network's last layer, without softmax or sigmoid
   * @param targets fp32 pictures x values: what the data set says ({@link
   *     dev.nibble.engine.data.Dataset#targets}), a 1 at its class for classification
   * @param pictures how many
   * @param values outputs a picture
   * @param gradient receives the derivative of the pictures' mean loss by every output, fp32
   *     pictures x values, all of it; null if it is not wanted
   * @return the sum of the pictures' losses; a run ends where it is not finite
   */
  double compute(
      MemorySegment outputs,
      MemorySegment targets,
      int pictures,
      int values,
      @Nullable MemorySegment gradient);

  /** Softmax cross-entropy: one class a picture. */
  static Loss crossEntropy() {
    return new KernelLoss(LossFunction.CROSS_ENTROPY, new float[0]);
  }

  /**
   * Softmax cross-entropy in which the pictures of a class count so many times, as PyTorch's {@code
   * CrossEntropyLoss(weight=...)}. Evaluation takes all alike.
   *
   * @param weights one a class, above 0 and finite
   */
  static Loss crossEntropy(float... weights) {
    return new KernelLoss(LossFunction.CROSS_ENTROPY, weights.clone());
  }

  /** Binary cross-entropy of every output by itself: any number of labels a picture. */
  static Loss binaryCrossEntropy() {
    return new KernelLoss(LossFunction.BINARY_CROSS_ENTROPY, new float[0]);
  }

  /**
   * Binary cross-entropy in which the presence of a label counts so many times, as PyTorch's {@code
   * BCEWithLogitsLoss(pos_weight=...)}. Evaluation takes all alike.
   *
   * @param weights one a label, above 0 and finite
   */
  static Loss binaryCrossEntropy(float... weights) {
    return new KernelLoss(LossFunction.BINARY_CROSS_ENTROPY, weights.clone());
  }

  /** Squared error of every output: numbers. */
  static Loss squaredError() {
    return new KernelLoss(LossFunction.SQUARED_ERROR, new float[0]);
  }

  /** The usual one for a task. */
  static Loss of(Task task) {
    return switch (task) {
      case CLASSIFICATION -> crossEntropy();
      case MULTI_LABEL -> binaryCrossEntropy();
      case REGRESSION -> squaredError();
    };
  }
}
