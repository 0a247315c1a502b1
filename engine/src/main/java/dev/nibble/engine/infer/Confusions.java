package dev.nibble.engine.infer;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** How often each name was there, was said, and both. */
final class Confusions {
  private final List<String> names;
  private final long[] there;
  private final long[] said;
  private final long[] both;

  Confusions(List<String> names) {
    this.names = List.copyOf(names);
    this.there = new long[names.size()];
    this.said = new long[names.size()];
    this.both = new long[names.size()];
  }

  List<String> names() {
    return names;
  }

  void add(int name, boolean isThere, boolean isSaid) {
    there[name] += isThere ? 1 : 0;
    said[name] += isSaid ? 1 : 0;
    both[name] += isThere && isSaid ? 1 : 0;
  }

  private static double f1(long right, long isThere, long isSaid) {
    return 2.0 * right / (isThere + isSaid);
  }

  /** Mean F1 of the names that were there. */
  double meanF1() {
    double sum = 0;
    int known = 0;
    for (int i = 0; i < there.length; i++) {
      if (there[i] > 0) {
        sum += f1(both[i], there[i], said[i]);
        known++;
      }
    }
    return sum / known;
  }

  /** F1 of all names' pictures together. */
  double commonF1() {
    return f1(sum(both), sum(there), sum(said));
  }

  private static long sum(long[] values) {
    long sum = 0;
    for (long value : values) {
      sum += value;
    }
    return sum;
  }

  SequencedMap<String, Double> figures(int name) {
    SequencedMap<String, Double> map = new LinkedHashMap<>();
    map.put("precision", (double) both[name] / said[name]);
    map.put("recall", (double) both[name] / there[name]);
    map.put("f1", f1(both[name], there[name], said[name]));
    return map;
  }
}
