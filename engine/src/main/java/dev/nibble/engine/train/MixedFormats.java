package dev.nibble.engine.train;

import dev.nibble.kernels.StoreFormat;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Codes of a format of its own for each activation: a budget is spent where bits lower the
 * gradient's error most for what they take, on many small activations rather than on few large
 * ones. The choice depends on the network and the budget alone.
 *
 * @param averageBits the budget: bits that a value has on average, 1 to 8; or 0 for as many as the
 *     memory limit allows
 * @param formats what was chosen, by the name of the layer that keeps the activation; empty as long
 *     as nothing is
 */
public record MixedFormats(double averageBits, Map<String, StoreFormat> formats) {
  /**
   * Checks the budget.
   *
   * @throws IllegalArgumentException if it is no average of bits
   */
  public MixedFormats {
    if (averageBits != 0 && !(averageBits >= StoreFormat.INT1.bits() && averageBits <= 8)) {
      throw new IllegalArgumentException(
          "Mixed activations have 1.25 to 8 bits on average, such as mixed:3, not " + averageBits);
    }
    formats = Collections.unmodifiableMap(new LinkedHashMap<>(formats));
  }

  /** As many bits as the memory limit allows. */
  public static MixedFormats byMemory() {
    return new MixedFormats(0, Map.of());
  }

  /** So many bits a value on average. */
  public static MixedFormats average(double bits) {
    return new MixedFormats(bits, Map.of());
  }

  /** Whether the formats are chosen. */
  public boolean isChosen() {
    return !formats.isEmpty();
  }

  /** The same with formats that are chosen now. */
  MixedFormats with(Map<String, StoreFormat> chosen) {
    return new MixedFormats(averageBits, chosen);
  }

  /** The formats as text, a line each: the format's name, a space, the layer's name. */
  public String text() {
    StringBuilder text = new StringBuilder();
    formats.forEach(
        (layer, format) ->
            text.append(text.isEmpty() ? "" : "\n")
                .append(format.name().toLowerCase(Locale.ROOT))
                .append(' ')
                .append(layer));
    return text.toString();
  }

  /**
   * Reads what {@link #text} wrote.
   *
   * @throws IllegalArgumentException if it is something else
   */
  public MixedFormats withText(String text) {
    Map<String, StoreFormat> read = new LinkedHashMap<>();
    for (String line : text.split("\n", -1)) {
      int space = line.indexOf(' ');
      String name = space < 0 ? "" : line.substring(0, space).toUpperCase(Locale.ROOT);
      StoreFormat format =
          Arrays.stream(StoreFormat.values())
              .filter(f -> f.isCodes() && f.name().equals(name))
              .findFirst()
              .orElseThrow(
                  () -> new IllegalArgumentException("'" + line + "' names no layer's format"));
      read.put(line.substring(space + 1), format);
    }
    return with(read);
  }
}
