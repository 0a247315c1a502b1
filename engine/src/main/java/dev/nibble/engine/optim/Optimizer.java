package dev.nibble.engine.optim;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How a step changes the weights, given their gradients and a learning rate. Weight decay applies
 * to convolution and dense weights only, never to biases or batch norm's parameters.
 */
public sealed interface Optimizer {
  /** The name in options and files: {@code sgd}, {@code nesterov} or {@code adamw}. */
  String name();

  /** What is kept from step to step, by name: for each, memory holds a float a weight. */
  List<String> state();

  /** The constants by their names in options and files. */
  Map<String, String> constants();

  /** The pull of convolution and dense weights towards 0. */
  double weightDecay();

  /**
   * Stochastic gradient descent with momentum: {@code v = momentum v + (gradient + weightDecay w);
   * w -= rate v}.
   *
   * @param momentum what is kept of the last step, 0 (none) up to, not including, 1
   * @param weightDecay not negative
   * @throws IllegalArgumentException if a number is out of range
   */
  static Optimizer sgd(double momentum, double weightDecay) {
    return new Sgd(momentum, weightDecay, false);
  }

  /**
   * Nesterov's variant, as PyTorch has it: {@code d = gradient + weightDecay w; v = momentum v + d;
   * w -= rate (d + momentum v)}.
   *
   * @param momentum above 0, below 1
   * @param weightDecay not negative
   * @throws IllegalArgumentException if a number is out of range
   */
  static Optimizer nesterov(double momentum, double weightDecay) {
    return new Sgd(momentum, weightDecay, true);
  }

  /**
   * Adam with decoupled weight decay (Loshchilov and Hutter 2019), bias-corrected, as PyTorch has
   * it: {@code m} and {@code s} are running means of the gradients and of their squares; {@code w
   * -= rate (weightDecay w + (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + epsilon))} in step t.
   *
   * @param beta1 what m keeps, 0 up to, not including, 1; 0.9 is usual
   * @param beta2 what s keeps, 0 up to, not including, 1; 0.999 is usual
   * @param epsilon keeps the division finite, above 0; 1e-8 is usual
   * @param weightDecay not negative; 0.01 is usual
   * @throws IllegalArgumentException if a number is out of range
   */
  static Optimizer adamW(double beta1, double beta2, double epsilon, double weightDecay) {
    return new AdamW(beta1, beta2, epsilon, weightDecay);
  }

  /** Returns the recipe for CIFAR ResNets: SGD with momentum 0.9 and weight decay 2e-4. */
  static Optimizer recipe() {
    return sgd(0.9, 2e-4);
  }

  /**
   * Stochastic gradient descent.
   *
   * @param momentum what is kept of the last step
   * @param weightDecay the pull of convolution and dense weights towards 0
   * @param nesterov whether the step looks ahead by the momentum
   */
  record Sgd(double momentum, double weightDecay, boolean nesterov) implements Optimizer {
    /**
     * Checks both constants.
     *
     * @throws IllegalArgumentException if one is out of range
     */
    public Sgd {
      requireShare("momentum", momentum);
      if (nesterov && momentum == 0) {
        throw new IllegalArgumentException(
            "momentum is 0.0, but Nesterov's variant needs one: give a number above 0, or use sgd");
      }
      requireDecay(weightDecay);
    }

    @Override
    public String name() {
      return nesterov ? "nesterov" : "sgd";
    }

    @Override
    public List<String> state() {
      return List.of("momentum");
    }

    @Override
    public Map<String, String> constants() {
      Map<String, String> map = new LinkedHashMap<>();
      map.put("momentum", Double.toString(momentum));
      map.put("weight-decay", Double.toString(weightDecay));
      return map;
    }
  }

  /**
   * Adam with decoupled weight decay.
   *
   * @param beta1 what the mean of the gradients keeps
   * @param beta2 what the mean of their squares keeps
   * @param epsilon keeps the division finite
   * @param weightDecay the pull of convolution and dense weights towards 0
   */
  record AdamW(double beta1, double beta2, double epsilon, double weightDecay)
      implements Optimizer {
    /**
     * Checks the constants.
     *
     * @throws IllegalArgumentException if one is out of range
     */
    public AdamW {
      requireShare("beta1", beta1);
      requireShare("beta2", beta2);
      // Below the smallest float it would be none: weights whose gradient is 0 became NaN.
      if (!((float) epsilon > 0 && (float) epsilon < Float.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException("epsilon is " + epsilon + ", give a number above 0");
      }
      requireDecay(weightDecay);
    }

    @Override
    public String name() {
      return "adamw";
    }

    @Override
    public List<String> state() {
      return List.of("mean of gradients", "mean of squares");
    }

    @Override
    public Map<String, String> constants() {
      Map<String, String> map = new LinkedHashMap<>();
      map.put("beta1", Double.toString(beta1));
      map.put("beta2", Double.toString(beta2));
      map.put("epsilon", Double.toString(epsilon));
      map.put("weight-decay", Double.toString(weightDecay));
      return map;
    }
  }

  /** As a float too, in which the kernels compute. */
  private static void requireShare(String name, double value) {
    if (!(value >= 0 && (float) value < 1)) {
      throw new IllegalArgumentException(
          name + " is " + value + ", give a number from 0 up to but not including 1");
    }
  }

  private static void requireDecay(double value) {
    if (!(value >= 0 && (float) value < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "weight decay is " + value + ", give a number not below 0");
    }
  }
}
