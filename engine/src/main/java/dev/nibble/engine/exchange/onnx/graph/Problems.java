package dev.nibble.engine.exchange.onnx.graph;

import java.util.List;

/** How what is not supported is told. */
public final class Problems {
  private static final int MOST = 1000;

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
    return plain(
        nodes.size() == 1
            ? first + " " + why
            : "%s (and %d more such) %s".formatted(first, nodes.size() - 1, why));
  }

  /** A text on one line and not too long, whatever names of a file are in it. */
  public static String plain(String text) {
    String line = text.replaceAll("\\p{Cntrl}", "?");
    return line.length() <= MOST ? line : line.substring(0, MOST) + "...";
  }
}
