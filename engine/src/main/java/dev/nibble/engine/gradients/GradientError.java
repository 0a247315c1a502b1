package dev.nibble.engine.gradients;

/**
 * How far a gradient is from the exact one, over all batches.
 *
 * @param relative length of the difference by the length of the exact gradient; 0 if both are 0
 * @param cosine of the angle between the two; 1 if both are 0
 * @param norm root mean square, over the batches, of the exact gradient's length
 */
public record GradientError(double relative, double cosine, double norm) {

  /** Sums that errors are made of. */
  static final class Sum {
    private double difference;
    private double product;
    private double exact;
    private double other;
    private int batches;

    /** Adds a batch's squares and products. */
    void add(double differenceSquare, double innerProduct, double exactSquare, double otherSquare) {
      difference += differenceSquare;
      product += innerProduct;
      exact += exactSquare;
      other += otherSquare;
      batches++;
    }

    /** Adds what another layer has, as if both were one gradient. */
    void addLayer(Sum layer) {
      difference += layer.difference;
      product += layer.product;
      exact += layer.exact;
      other += layer.other;
      batches = Math.max(batches, layer.batches);
    }

    boolean isEmpty() {
      return batches == 0;
    }

    GradientError error() {
      double lengths = Math.sqrt(exact) * Math.sqrt(other);
      double none = exact == other ? 1 : 0; // one alone is 0: no direction to agree in
      return new GradientError(
          relative(difference, exact),
          lengths == 0 ? none : product / lengths,
          Math.sqrt(exact / batches));
    }
  }

  static double relative(double difference, double exact) {
    return difference == 0 ? 0 : Math.sqrt(difference / exact);
  }
}
