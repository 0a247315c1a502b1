package dev.nibble.engine.infer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;

/**
 * How often pictures of each class were taken for each other one, and what follows: accuracy, top-5
 * accuracy, precision, recall and F1. Shares lie in 0..1; one of no pictures at all is NaN. Used by
 * one thread.
 */
public final class ConfusionMatrix {
  private static final int TOP = 5;

  private final List<String> classes;
  private final long[] counts;
  private final int[] top;
  private long total;
  private long inTop;
  private long unanswered;

  /** Two classes that are confused, and how often. */
  public record Confusion(String label, String predicted, long pictures) {}

  /**
   * Starts without pictures.
   *
   * @param classes names, in the order of the logits
   * @throws IllegalArgumentException if there is none
   */
  public ConfusionMatrix(List<String> classes) {
    if (classes.isEmpty()) {
      throw new IllegalArgumentException("A confusion matrix needs at least 1 class");
    }
    this.classes = List.copyOf(classes);
    this.counts = new long[Math.multiplyExact(classes.size(), classes.size())];
    this.top = new int[Math.min(TOP, classes.size())];
  }

  /**
   * Counts a picture.
   *
   * @param label its class
   * @param logits N,classes
   * @param picture which of the N; if its logits name no class ({@link Classes#NONE}), it counts as
   *     wrong, but for no class
   */
  public void add(int label, float[] logits, int picture) {
    Objects.checkIndex(label, classes.size());
    int predicted = Classes.largest(logits, picture, classes.size());
    total++;
    if (predicted == Classes.NONE) {
      unanswered++;
      return;
    }
    counts[label * classes.size() + predicted]++;
    Classes.top(logits, picture, classes.size(), top);
    for (int index : top) {
      inTop += index == label ? 1 : 0;
    }
  }

  /** Names of the classes. */
  public List<String> classes() {
    return classes;
  }

  /** Pictures of one class that were taken for another, or for what they are. */
  public long count(int label, int predicted) {
    Objects.checkIndex(predicted, classes.size());
    return counts[Objects.checkIndex(label, classes.size()) * classes.size() + predicted];
  }

  /** Pictures in all. */
  public long total() {
    return total;
  }

  /** Pictures whose logits named no class: they were not finite. */
  public long unanswered() {
    return unanswered;
  }

  /** Pictures of a class, but for those without an answer. */
  public long labelled(int label) {
    long sum = 0;
    for (int predicted = 0; predicted < classes.size(); predicted++) {
      sum += count(label, predicted);
    }
    return sum;
  }

  /** Pictures that were taken for a class. */
  public long predicted(int predicted) {
    long sum = 0;
    for (int label = 0; label < classes.size(); label++) {
      sum += count(label, predicted);
    }
    return sum;
  }

  /** Share of all pictures that were taken for what they are. */
  public double accuracy() {
    long right = 0;
    for (int c = 0; c < classes.size(); c++) {
      right += count(c, c);
    }
    return (double) right / total;
  }

  /**
   * Share of all pictures whose class is among the five largest logits, or all if they are fewer.
   */
  public double topFive() {
    return (double) inTop / total;
  }

  /** Share of the pictures taken for a class that are of it. */
  public double precision(int label) {
    return (double) count(label, label) / predicted(label);
  }

  /** Share of a class's pictures that were found. */
  public double recall(int label) {
    return (double) count(label, label) / labelled(label);
  }

  /** Harmonic mean of precision and recall; 0 if a class has pictures of which none was found. */
  public double f1(int label) {
    return 2.0 * count(label, label) / (labelled(label) + predicted(label));
  }

  /** Mean F1 of the classes that have pictures. */
  public double meanF1() {
    double sum = 0;
    int known = 0;
    for (int label = 0; label < classes.size(); label++) {
      if (labelled(label) > 0) {
        sum += f1(label);
        known++;
      }
    }
    return sum / known;
  }

  /** The pairs that are confused most often, at most so many, the worst first. */
  public List<Confusion> worst(int most) {
    List<Confusion> pairs = new ArrayList<>();
    for (int label = 0; label < classes.size(); label++) {
      for (int predicted = 0; predicted < classes.size(); predicted++) {
        if (label != predicted && count(label, predicted) > 0) {
          pairs.add(
              new Confusion(classes.get(label), classes.get(predicted), count(label, predicted)));
        }
      }
    }
    pairs.sort(Comparator.comparingLong(Confusion::pictures).reversed());
    return List.copyOf(pairs.subList(0, Math.min(most, pairs.size())));
  }
}
