package dev.nibble.bench;

import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.network.Network;
import dev.nibble.kernels.FeatureMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The networks that are measured, as parameters name them. */
final class BenchNetworks {
  private static final Pattern SIZE = Pattern.compile("([1-9][0-9]{0,4})x([1-9][0-9]{0,4})");

  private BenchNetworks() {}

  /** The network of that name for the pictures and classes that it is known for. */
  static Network of(String model) {
    return of(model, "");
  }

  /**
   * The network of that name.
   *
   * @param size of a picture, such as 224x224; empty for the usual one
   * @throws IllegalArgumentException if there is no such network, or the size is none
   */
  static Network of(String model, String size) {
    FeatureMap input = NamedNetworks.usualInput(model);
    if (!size.isEmpty()) {
      Matcher matcher = SIZE.matcher(size);
      if (!matcher.matches()) {
        throw new IllegalArgumentException("A size reads like 224x224, not " + size);
      }
      int height = Integer.parseInt(matcher.group(1));
      input = new FeatureMap(height, Integer.parseInt(matcher.group(2)), input.channels());
    }
    return NamedNetworks.of(model, input, NamedNetworks.usualClasses(model));
  }
}
