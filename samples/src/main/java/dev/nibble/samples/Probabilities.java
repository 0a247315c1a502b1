package dev.nibble.samples;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** What logits say. */
final class Probabilities {
  private Probabilities() {}

  /** Index of the largest logit, the first of equals. */
  static int largest(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      if (logits[i] > logits[best]) {
        best = i;
      }
    }
    return best;
  }

  /** Softmax of the logits; the largest is subtracted first, so that nothing overflows. */
  static double[] of(float[] logits) {
    float most = logits[largest(logits)];
    double[] shares = new double[logits.length];
    double sum = 0;
    for (int i = 0; i < logits.length; i++) {
      shares[i] = Math.exp((double) logits[i] - most);
      sum += shares[i];
    }
    for (int i = 0; i < logits.length; i++) {
      shares[i] /= sum;
    }
    return shares;
  }

  /** Indices of the largest shares, the largest first. */
  static List<Integer> top(double[] shares, int count) {
    return IntStream.range(0, shares.length)
        .boxed()
        .sorted(Comparator.comparingDouble((Integer i) -> shares[i]).reversed())
        .limit(count)
        .toList();
  }
}
