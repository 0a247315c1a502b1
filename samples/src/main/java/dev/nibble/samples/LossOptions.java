package dev.nibble.samples;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of {@code nibble train} about what pictures should come to; null where not given. */
final class LossOptions {
  @Option(
      names = "--labels",
      paramLabel = "FILE.csv",
      description =
          "What is told of the pictures of the folder --data, instead of class folders. The first"
              + " line names the columns: file, maybe split (train, val, test), and label; or with"
              + " --loss binary-cross-entropy labels (several, apart by | or blanks) or a column of"
              + " 0 and 1 each; or with --loss mse columns of numbers.")
  @Nullable String labels;

  @Option(
      names = "--loss",
      paramLabel = "NAME",
      description =
          "cross-entropy: a picture has one class; binary-cross-entropy (bce): any number of"
              + " labels; mse: numbers, by their mean squared error. Default: cross-entropy.")
  @Nullable String loss;

  @Option(
      names = "--class-weights",
      paramLabel = "balanced|A,B,...",
      description =
          "How much each class counts in training, in the order of the classes' names; balanced: as"
              + " much less as it has more pictures. With binary-cross-entropy the weight of a"
              + " label that is there. Default: all alike.")
  @Nullable String classWeights;

  @Option(
      names = "--mixup",
      paramLabel = "A",
      description =
          "Mix each training picture and its target with another's, by a share drawn from Beta(A,"
              + " A), such as 0.2. Default: no mixing.")
  @Nullable Double mixup;

  @Option(
      names = "--cutmix",
      paramLabel = "A",
      description =
          "Put a part of another training picture into each, as large as a share drawn from Beta(A,"
              + " A), such as 1. With --mixup too, each picture draws which. Default: no mixing.")
  @Nullable Double cutmix;
}
