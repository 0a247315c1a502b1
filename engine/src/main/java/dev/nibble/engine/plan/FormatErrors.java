package dev.nibble.engine.plan;

import dev.nibble.kernels.StoreFormat;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What storing activations in a format costs the gradient.
 *
 * @param squares by the name of the stage that keeps the activation, then by format: the square of
 *     the length by which the gradients that are computed from it err, in a unit that is the same
 *     for all
 * @param mixture where a mixture was asked for, by the same names: that of so many bits on average,
 *     or one format everywhere, whichever was measured to err less; else empty
 */
public record FormatErrors(
    Map<String, Map<StoreFormat, Double>> squares, Map<String, StoreFormat> mixture) {
  /** Copies the maps. */
  public FormatErrors {
    Map<String, Map<StoreFormat, Double>> copy = new LinkedHashMap<>();
    squares.forEach((keeper, byFormat) -> copy.put(keeper, Map.copyOf(byFormat)));
    squares = Map.copyOf(copy);
    mixture = Collections.unmodifiableMap(new LinkedHashMap<>(mixture));
  }
}
