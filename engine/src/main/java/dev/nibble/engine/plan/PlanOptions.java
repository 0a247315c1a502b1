package dev.nibble.engine.plan;

import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.network.LayerRange;
import dev.nibble.engine.optim.UpdateRule;
import dev.nibble.kernels.StoreFormat;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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
 * @param update how gradients become new weights; of no effect for inference
 * @param keepsBest whether there is room for a second set of weights and running statistics, the
 *     best so far; of no effect for inference
 * @param frozenNorms whether batch norms use their running statistics in training, too
 * @param workers who shares every batch
 * @param targetSlots how many of the loader's batches, the first ones, have a number for each of
 *     the network's outputs beside the labels
 * @param formats how the activations that codes are made of are stored instead, by the name of the
 *     stage that keeps each; {@code store} says it of all others
 * @param recomputed runs of stages that store nothing on the way there; what their backward passes
 *     need is computed once more before these
 */
public record PlanOptions(
    int batch,
    StoreFormat store,
    boolean naive,
    int slots,
    List<String> frozen,
    UpdateRule update,
    boolean keepsBest,
    boolean frozenNorms,
    Workers workers,
    int targetSlots,
    Map<String, StoreFormat> formats,
    List<LayerRange> recomputed) {
  /** One way to store all activations. */
  public PlanOptions(
      int batch,
      StoreFormat store,
      boolean naive,
      int slots,
      List<String> frozen,
      UpdateRule update,
      boolean keepsBest,
      boolean frozenNorms,
      Workers workers) {
    this(
        batch,
        store,
        naive,
        slots,
        frozen,
        update,
        keepsBest,
        frozenNorms,
        workers,
        0,
        Map.of(),
        List.of());
  }

  /** For one worker. */
  public PlanOptions(
      int batch,
      StoreFormat store,
      boolean naive,
      int slots,
      List<String> frozen,
      UpdateRule update,
      boolean keepsBest,
      boolean frozenNorms) {
    this(batch, store, naive, slots, frozen, update, keepsBest, frozenNorms, Workers.ONE);
  }

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
    if (targetSlots < 0 || targetSlots > slots) {
      throw new IllegalArgumentException(
          "Of %d slots, %d cannot have targets".formatted(slots, targetSlots));
    }
    frozen = List.copyOf(frozen);
    formats = Collections.unmodifiableMap(new LinkedHashMap<>(formats));
    recomputed = List.copyOf(recomputed);
    for (Map.Entry<String, StoreFormat> entry : formats.entrySet()) {
      boolean fits =
          store.isCodes()
              && entry.getValue().isCodes()
              && entry.getValue().isUniform() == store.isUniform();
      if (!fits) {
        throw new IllegalArgumentException(
            "%s cannot be %s where the others are %s: mix codes of one kind"
                .formatted(entry.getKey(), entry.getValue().text(), store.text()));
      }
    }
  }

  /** Options for training with two slots by the recipe's rule. */
  public static PlanOptions training(int batch, StoreFormat store, boolean naive) {
    return new PlanOptions(batch, store, naive, 2, List.of(), UpdateRule.recipe(), false, false);
  }

  /** Options for inference. */
  public static PlanOptions inference(int batch) {
    return new PlanOptions(
        batch, StoreFormat.NONE, false, 1, List.of(), UpdateRule.recipe(), false, false);
  }

  /** Whether there is a backward pass. */
  public boolean isTraining() {
    return store != StoreFormat.NONE;
  }

  /** The same with layers that are not trained. */
  public PlanOptions withFrozen(List<String> names) {
    return new PlanOptions(
        batch,
        store,
        naive,
        slots,
        names,
        update,
        keepsBest,
        frozenNorms,
        workers,
        targetSlots,
        formats,
        recomputed);
  }

  /** The same for another batch. */
  public PlanOptions withBatch(int pictures) {
    return new PlanOptions(
        pictures,
        store,
        naive,
        slots,
        frozen,
        update,
        keepsBest,
        frozenNorms,
        workers,
        targetSlots,
        formats,
        recomputed);
  }

  /** The same for another way to store activations. */
  public PlanOptions withStore(StoreFormat format, boolean computesOnIt) {
    return new PlanOptions(
        batch,
        format,
        computesOnIt,
        slots,
        frozen,
        update,
        keepsBest,
        frozenNorms,
        workers,
        targetSlots,
        formats,
        recomputed);
  }

  /** The same with another rule. */
  public PlanOptions withUpdate(UpdateRule rule) {
    return new PlanOptions(
        batch,
        store,
        naive,
        slots,
        frozen,
        rule,
        keepsBest,
        frozenNorms,
        workers,
        targetSlots,
        formats,
        recomputed);
  }

  /** The same with or without room for the best weights. */
  public PlanOptions withBest(boolean kept) {
    return new PlanOptions(
        batch,
        store,
        naive,
        slots,
        frozen,
        update,
        kept,
        frozenNorms,
        workers,
        targetSlots,
        formats,
        recomputed);
  }

  /** The same with batch norms that use their running statistics, or the batch's. */
  public PlanOptions withFrozenNorms(boolean running) {
    return new PlanOptions(
        batch,
        store,
        naive,
        slots,
        frozen,
        update,
        keepsBest,
        running,
        workers,
        targetSlots,
        formats,
        recomputed);
  }

  /** The same for one of several workers. */
  public PlanOptions withWorkers(Workers all) {
    return new PlanOptions(
        batch,
        store,
        naive,
        slots,
        frozen,
        update,
        keepsBest,
        frozenNorms,
        all,
        targetSlots,
        formats,
        recomputed);
  }

  /** The same with targets in the loader's first batches. */
  public PlanOptions withTargets(int count) {
    return new PlanOptions(
        batch,
        store,
        naive,
        slots,
        frozen,
        update,
        keepsBest,
        frozenNorms,
        workers,
        count,
        formats,
        recomputed);
  }

  /** The same with formats of some activations' own. */
  public PlanOptions withFormats(Map<String, StoreFormat> byStage) {
    return new PlanOptions(
        batch,
        store,
        naive,
        slots,
        frozen,
        update,
        keepsBest,
        frozenNorms,
        workers,
        targetSlots,
        byStage,
        recomputed);
  }

  /** The same with runs of stages that are computed twice. */
  public PlanOptions withRecomputed(List<LayerRange> runs) {
    return new PlanOptions(
        batch,
        store,
        naive,
        slots,
        frozen,
        update,
        keepsBest,
        frozenNorms,
        workers,
        targetSlots,
        formats,
        runs);
  }
}
