package dev.nibble.engine.plan;

import dev.nibble.kernels.StoreFormat;
import java.util.List;

/**
 * What a plan is made for.
 *
 * @param batch pictures a step, at least 1
 * @param store how activations are stored for the backward pass: FP32, INT8, INT4 or INT2; NONE
 *     plans inference
 * @param naive whether the forward pass reads the restored activations (the paper's baseline)
 * @param slots batches that the loader prepares ahead, at least 1
 * @param frozen names of layers, or of groups of them, that are not trained; see {@link
 *     FrozenLayers}
 */
public record PlanOptions(
    int batch, StoreFormat store, boolean naive, int slots, List<String> frozen) {
  /** Checks the combination. */
  public PlanOptions {
    if (batch < 1 || batch > 1 << 20) {
      throw new IllegalArgumentException("A batch has 1 to 1048576 pictures, not " + batch);
    }
    if (store == StoreFormat.KEPT) {
      throw new IllegalArgumentException("Activations are stored as fp32, int8, int4 or int2");
    }
    if (naive && !store.isCodes()) {
      throw new IllegalArgumentException(
          "The naive baseline computes on restored activations: it needs int8, int4 or int2");
    }
    if (slots < 1) {
      throw new IllegalArgumentException("The loader needs at least one slot");
    }
    frozen = List.copyOf(frozen);
  }

  /** Options for training with two slots. */
  public static PlanOptions training(int batch, StoreFormat store, boolean naive) {
    return new PlanOptions(batch, store, naive, 2, List.of());
  }

  /** Options for inference. */
  public static PlanOptions inference(int batch) {
    return new PlanOptions(batch, StoreFormat.NONE, false, 1, List.of());
  }

  /** Whether there is a backward pass. */
  public boolean isTraining() {
    return store != StoreFormat.NONE;
  }

  /** The same with layers that are not trained. */
  public PlanOptions withFrozen(List<String> names) {
    return new PlanOptions(batch, store, naive, slots, names);
  }

  /** The same for another batch. */
  public PlanOptions withBatch(int pictures) {
    return new PlanOptions(pictures, store, naive, slots, frozen);
  }
}
