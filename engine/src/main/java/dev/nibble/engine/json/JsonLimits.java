package dev.nibble.engine.json;

/**
 * Bounds what a text from outside may cost: its nesting, its length and its number of values.
 *
 * @param maxDepth how deep arrays and objects may nest, at most 1,000 (the parser recurses)
 * @param maxLength how long the text may be, in characters, or in bytes where it comes as UTF-8
 * @param maxValues how many values the text may hold, those inside arrays and objects included
 */
public record JsonLimits(int maxDepth, int maxLength, int maxValues) {
  /** Depth 64, 16 Mi characters, one million values. */
  public static final JsonLimits DEFAULT = new JsonLimits(64, 1 << 24, 1_000_000);

  /**
   * Checks that every limit is positive and that the depth is safe to recurse into.
   *
   * @throws IllegalArgumentException if a limit is out of range
   */
  public JsonLimits {
    if (maxDepth < 1 || maxDepth > 1000) {
      throw new IllegalArgumentException("maxDepth is " + maxDepth + ", give 1 to 1000");
    }
    if (maxLength < 1 || maxValues < 1) {
      throw new IllegalArgumentException(
          "maxLength " + maxLength + " and maxValues " + maxValues + " must be positive");
    }
  }
}
