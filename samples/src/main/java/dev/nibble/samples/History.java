package dev.nibble.samples;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The course of a run for its curves, in bounded memory: where there are too many steps, neighbours
 * are averaged.
 */
final class History {
  private static final int CAPACITY = 2048;

  private final double[] steps = new double[CAPACITY];
  private final double[] losses = new double[CAPACITY];
  private final double[] accuracies = new double[CAPACITY];
  private int size;
  private int width = 1;
  private int pending;
  private double pendingLoss;
  private double pendingAccuracy;

  private String evaluated = "test";
  private String score = "accuracy";
  private final List<Double> testSteps = new ArrayList<>();
  private final List<Double> testLosses = new ArrayList<>();
  private final List<Double> testAccuracies = new ArrayList<>();

  /** Adds a step's loss and accuracy on its batch. */
  void addStep(long step, double loss, double accuracy) {
    pendingLoss += loss;
    pendingAccuracy += accuracy;
    pending++;
    if (pending < width) {
      return;
    }
    steps[size] = step - (width - 1) / 2.0;
    losses[size] = pendingLoss / width;
    accuracies[size] = pendingAccuracy / width;
    size++;
    pending = 0;
    pendingLoss = 0;
    pendingAccuracy = 0;
    if (size == CAPACITY) {
      halve();
    }
  }

  private void halve() {
    for (double[] values : List.of(steps, losses, accuracies)) {
      for (int i = 0; i < CAPACITY / 2; i++) {
        values[i] = (values[2 * i] + values[2 * i + 1]) / 2;
      }
    }
    size = CAPACITY / 2;
    width *= 2;
  }

  /** Adds an evaluation of the test pictures. */
  void addTest(long step, double loss, double accuracy) {
    testSteps.add((double) step);
    testLosses.add(loss);
    testAccuracies.add(accuracy);
  }

  /** Says which pictures those were: test or validation. */
  void evaluatedOn(String split) {
    evaluated = split;
  }

  /** Says what the accuracies are, where they are none. */
  void scoredBy(String name) {
    score = name;
  }

  /** What the accuracies are. */
  String score() {
    return score;
  }

  /** Which pictures were evaluated. */
  String evaluated() {
    return evaluated;
  }

  /** Whether there is nothing to draw. */
  boolean isEmpty() {
    return size == 0;
  }

  /** Steps that one point stands for. */
  int stepsPerPoint() {
    return width;
  }

  double[] steps() {
    return Arrays.copyOf(steps, size);
  }

  double[] losses() {
    return Arrays.copyOf(losses, size);
  }

  double[] accuracies() {
    return Arrays.copyOf(accuracies, size);
  }

  double[] testSteps() {
    return array(testSteps);
  }

  double[] testLosses() {
    return array(testLosses);
  }

  double[] testAccuracies() {
    return array(testAccuracies);
  }

  private static double[] array(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }
}
