package dev.nibble.samples;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of {@code nibble train} about how gradients become weights; null where not given. */
final class UpdateOptions {
  @Option(
      names = "--optimizer",
      paramLabel = "NAME",
      description =
          "sgd: with momentum; nesterov: SGD with Nesterov's momentum; adamw: Adam with decoupled"
              + " weight decay. Default: sgd.")
  @Nullable String optimizer;

  @Option(
      names = "--momentum",
      paramLabel = "X",
      description = "Momentum of sgd and nesterov. Default: 0.9.")
  @Nullable Double momentum;

  @Option(
      names = "--beta1",
      paramLabel = "X",
      description = "What adamw's mean of the gradients keeps in a step. Default: 0.9.")
  @Nullable Double beta1;

  @Option(
      names = "--beta2",
      paramLabel = "X",
      description = "What adamw's mean of their squares keeps. Default: 0.999.")
  @Nullable Double beta2;

  @Option(
      names = "--epsilon",
      paramLabel = "X",
      description = "Keeps adamw's division finite. Default: 1e-8.")
  @Nullable Double epsilon;

  @Option(
      names = "--weight-decay",
      paramLabel = "X",
      description =
          "Weight decay of convolutions and dense layers. Default: 2e-4; with adamw 0.01.")
  @Nullable Double weightDecay;

  @Option(
      names = "--clip-norm",
      paramLabel = "X",
      description =
          "Scale a step's gradients down where all together are longer, in the L2 norm. Default:"
              + " no limit.")
  @Nullable Double clipNorm;

  @Option(
      names = "--label-smoothing",
      paramLabel = "X",
      description =
          "The share of all classes in a training picture's target; the test loss stays as it is."
              + " Default: 0.")
  @Nullable Double labelSmoothing;

  @Option(
      names = "--accumulate",
      paramLabel = "N",
      description =
          "Batches that make one step: as a batch N times as large, at the memory of one. Batch"
              + " norm sees each batch by itself. Default: 1.")
  @Nullable Integer accumulate;

  @Option(
      names = "--ema",
      paramLabel = "X",
      description =
          "Test and save a running average of the weights, which keeps this share of itself in a"
              + " step, such as 0.999; less in the first steps. Default: no average.")
  @Nullable Double ema;

  @Option(
      names = "--early-stopping",
      paramLabel = "N",
      description =
          "End the run after N epochs without a new best accuracy (of labels mean F1, of numbers"
              + " R2) on the validation pictures, or the test pictures where there are none, and"
              + " keep the model of the best epoch. Default: run to the end.")
  @Nullable Integer earlyStopping;

  @Option(
      names = "--min-delta",
      paramLabel = "X",
      description =
          "By how much an accuracy must exceed the best one for --early-stopping, as a share:"
              + " 0.001 is 0.1 %%. Default: 0.")
  @Nullable Double minDelta;
}
