package dev.nibble.engine.network;

import java.util.List;
import java.util.regex.Pattern;

/**
 * Names of layers as people give them: a layer's own, that of a group of them ({@code stages.0}
 * stands for every layer whose name begins with {@code stages.0.}), or a pattern of either with
 * {@code *} for any letters and {@code ?} for one ({@code stages.*.bn}).
 */
public final class LayerNames {
  private static final int SHOWN = 5;

  private LayerNames() {}

  /** Whether a name stands for the layer. */
  public static boolean matches(String name, String layer) {
    if (name.indexOf('*') < 0 && name.indexOf('?') < 0) {
      return layer.equals(name) || layer.startsWith(name + ".");
    }
    StringBuilder regex = new StringBuilder();
    for (int i = 0; i < name.length(); i++) {
      char letter = name.charAt(i);
      regex.append(
          switch (letter) {
            case '*' -> ".*";
            case '?' -> ".";
            default -> Pattern.quote(String.valueOf(letter));
          });
    }
    return Pattern.matches(regex + "(\\..*)?", layer);
  }

  /** The layers with parameters that a name stands for. */
  public static List<String> select(Network network, String name) {
    return network.layers().stream()
        .filter(LayerNames::hasParameters)
        .map(Layer::name)
        .filter(layer -> matches(name, layer))
        .toList();
  }

  /** Names of the first layers with parameters, for a message. */
  public static String examples(Network network) {
    return network.layers().stream()
        .filter(LayerNames::hasParameters)
        .limit(SHOWN)
        .map(Layer::name)
        .reduce((a, b) -> a + ", " + b)
        .orElse("none");
  }

  private static boolean hasParameters(Layer layer) {
    return layer instanceof Layer.Weighted
        || layer instanceof Layer.BatchNorm
        || (layer instanceof Layer.GroupNorm g && g.operator().affine())
        || (layer instanceof Layer.Activation a && a.function().hasSlope());
  }
}
