package dev.nibble.engine.checkpoint;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a run must know beside its tensors to go on as if it had never stopped.
 *
 * @param model the description of the network, compared when the run goes on
 * @param step how many steps are done
 * @param epoch the epoch, from 0, that the next step belongs to
 * @param seed what all random numbers of the run derive from
 * @param dataOrder where the run stands in its data, in the words of whoever orders them
 * @param lastLoss the loss of the last step; not a number if there was none yet
 */
public record CheckpointMeta(
    Map<String, String> model,
    long step,
    int epoch,
    long seed,
    Map<String, String> dataOrder,
    float lastLoss) {
  /**
   * Copies both maps with their order.
   *
   * @throws IllegalArgumentException if step or epoch is negative or the loss is infinite
   */
  public CheckpointMeta {
    model = Collections.unmodifiableMap(new LinkedHashMap<>(model));
    dataOrder = Collections.unmodifiableMap(new LinkedHashMap<>(dataOrder));
    if (step < 0 || epoch < 0) {
      throw new IllegalArgumentException("step " + step + " or epoch " + epoch + " is negative");
    }
    if (Float.isInfinite(lastLoss)) {
      throw new IllegalArgumentException("a run with loss " + lastLoss + " is not worth keeping");
    }
  }
}
