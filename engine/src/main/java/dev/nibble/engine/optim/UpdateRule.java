package dev.nibble.engine.optim;

import dev.nibble.engine.network.LayerNames;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * How gradients become new weights: the optimiser, and what is done before and after it.
 *
 * @param optimizer what changes the weights
 * @param clipNorm the longest that the gradient of all weights together may be, in the L2 norm: a
 *     longer one is scaled by {@code clipNorm / (norm + 1e-6)}, as PyTorch's {@code
 *     clip_grad_norm_} does; 0 for no limit
 * @param accumulate batches whose gradients make one step, averaged over all their pictures, at
 *     least 1
 * @param ema how much a running average of the weights keeps in a step, below 1; 0 for no average.
 *     It is less in the first steps, {@code n / (n + 9)} after n steps, so that the average soon
 *     forgets the initial weights
 * @param rateScales factors of the learning rate by names of layers, as {@link
 *     dev.nibble.engine.network.LayerNames} has them; where several stand for a layer, the last one
 *     counts
 */
public record UpdateRule(
    Optimizer optimizer,
    double clipNorm,
    int accumulate,
    double ema,
    Map<String, Double> rateScales) {
  private static final int MOST_BATCHES = 1 << 20;

  /**
   * Checks the numbers.
   *
   * @throws IllegalArgumentException if one is out of range
   */
  public UpdateRule {
    if (!(clipNorm >= 0 && clipNorm < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "the norm to clip at is " + clipNorm + ", give a number above 0, or 0 for none");
    }
    if (accumulate < 1 || accumulate > MOST_BATCHES) {
      throw new IllegalArgumentException(
          "a step takes %d batches, give 1 to %d".formatted(accumulate, MOST_BATCHES));
    }
    if (!(ema >= 0 && (float) ema < 1)) {
      throw new IllegalArgumentException(
          "the average of the weights keeps %s, give a number from 0 (no average) up to but not"
                  .formatted(ema)
              + " including 1");
    }
    rateScales = Collections.unmodifiableMap(new LinkedHashMap<>(rateScales));
    rateScales.forEach(
        (name, factor) -> {
          if (!(factor > 0 && factor < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                "the learning rate of %s is scaled by %s, give a number above 0"
                    .formatted(name, factor));
          }
        });
  }

  /** A rule with one learning rate for all layers. */
  public UpdateRule(Optimizer optimizer, double clipNorm, int accumulate, double ema) {
    this(optimizer, clipNorm, accumulate, ema, Map.of());
  }

  /** The optimiser alone. */
  public static UpdateRule of(Optimizer optimizer) {
    return new UpdateRule(optimizer, 0, 1, 0);
  }

  /** The recipe's: SGD with momentum 0.9 and weight decay 2e-4. */
  public static UpdateRule recipe() {
    return of(Optimizer.recipe());
  }

  /** The same with another number of batches a step. */
  public UpdateRule withAccumulate(int batches) {
    return new UpdateRule(optimizer, clipNorm, batches, ema, rateScales);
  }

  /** The same with other factors of the learning rate. */
  public UpdateRule withRateScales(Map<String, Double> factors) {
    return new UpdateRule(optimizer, clipNorm, accumulate, ema, factors);
  }

  /** What the learning rate of a layer is multiplied by. */
  public double rateScale(String layer) {
    double scale = 1;
    for (Map.Entry<String, Double> entry : rateScales.entrySet()) {
      scale = LayerNames.matches(entry.getKey(), layer) ? entry.getValue() : scale;
    }
    return scale;
  }

  /** Whether long gradients are shortened. */
  public boolean clips() {
    return clipNorm > 0;
  }

  /** Whether a step may take several batches. */
  public boolean accumulates() {
    return accumulate > 1;
  }

  /** Whether an average of the weights is kept. */
  public boolean averages() {
    return ema > 0;
  }

  /**
   * What the average keeps in the step after {@code steps} others: 0 in the first, so that it
   * starts as the weights after that.
   */
  public double averageKeeps(long steps) {
    return Math.min(ema, steps / (steps + 9.0));
  }

  /** The rule by the names that its parts have in options and files. What is off is left out. */
  public Map<String, String> settings() {
    Map<String, String> map = new LinkedHashMap<>();
    map.put("optimizer", optimizer.name());
    map.putAll(optimizer.constants());
    if (clips()) {
      map.put("clip-norm", Double.toString(clipNorm));
    }
    if (accumulates()) {
      map.put("accumulate", Integer.toString(accumulate));
    }
    if (averages()) {
      map.put("ema", Double.toString(ema));
    }
    if (!rateScales.isEmpty()) {
      map.put(
          "lr-scale",
          rateScales.entrySet().stream()
              .map(entry -> entry.getKey() + "=" + entry.getValue())
              .collect(Collectors.joining(",")));
    }
    return map;
  }
}
