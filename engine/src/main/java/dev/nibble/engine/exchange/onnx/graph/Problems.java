package dev.nibble.engine.exchange.onnx.graph;

import java.util.List;

/** How what is not supported is told. */
public final class Problems {
  private Problems() {}

  /**
   * A sentence without a full stop, such as "Resize 'up' is not supported".
   *
   * @param operator ONNX's name
   * @param nodes at least one
   * @param why the end of the sentence
   */
  public static String sentence(String operator, List<String> nodes, String why) {
    String first = "%s '%s'".formatted(operator, nodes.getFirst());
    return nodes.size() == 1
        ? first + " " + why
        : "%s (and %d more such) %s".formatted(first, nodes.size() - 1, why);
  }
}
