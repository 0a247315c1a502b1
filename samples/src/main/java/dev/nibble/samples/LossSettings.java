package dev.nibble.samples;

import dev.nibble.engine.data.DataOptions;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.data.loading.Mixing;
import dev.nibble.engine.optim.Loss;
import dev.nibble.engine.train.TrainingOptionsBuilder;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The settings of a run about what pictures should come to. What is off is not among them. */
final class LossSettings {
  private static final List<String> LOSSES =
      List.of("cross-entropy", "binary-cross-entropy", "mse");
  private static final String BALANCED = "balanced";

  private LossSettings() {}

  /** Puts what is given and what was saved together. */
  static void settle(Settings settings, LossOptions given) {
    String labels = given.labels;
    settings.optional(
        "labels",
        labels == null
            ? null
            : BadInputException.path(labels).toAbsolutePath().normalize().toString());
    settings.optional("loss", given.loss == null ? null : name(given.loss));
    String weights = given.classWeights;
    settings.optional(
        "class-weights",
        weights == null ? null : weights.strip().toLowerCase(Locale.ROOT).replaceAll("\\s", ""));
    settings.optional("mixup", above("--mixup", given.mixup));
    settings.optional("cutmix", above("--cutmix", given.cutmix));
    Task task = task(settings);
    if (task == Task.REGRESSION && !settings.has("labels")) {
      throw new BadInputException(
          "--loss mse needs numbers: give them with --labels FILE.csv, columns file,value.");
    }
    if (task == Task.REGRESSION && settings.has("class-weights")) {
      throw new BadInputException("--class-weights is for classes or labels, not for --loss mse.");
    }
  }

  private static String name(String text) {
    return text.strip().equalsIgnoreCase("bce")
        ? "binary-cross-entropy"
        : Names.choose("--loss", text, LOSSES);
  }

  private static @Nullable Double above(String option, @Nullable Double value) {
    if (value != null && !(value > 0 && Double.isFinite(value))) {
      throw new BadInputException(
          "%s is %s: give a number above 0, such as 0.2.".formatted(option, value));
    }
    return value;
  }

  private static String loss(Settings settings) {
    return settings.has("loss") ? settings.text("loss") : "cross-entropy";
  }

  /** What a file of labels tells. */
  static Task task(Settings settings) {
    return switch (loss(settings)) {
      case "mse" -> Task.REGRESSION;
      case "binary-cross-entropy" -> Task.MULTI_LABEL;
      default -> Task.CLASSIFICATION;
    };
  }

  /** The data's options with the file of labels, if there is one. */
  static DataOptions with(Settings settings, DataOptions options) {
    String labels = settings.find("labels");
    return labels == null ? options : options.withLabels(Path.of(labels), task(settings));
  }

  /**
   * Sets what the settings say.
   *
   * @param train what balanced weights are counted in
   * @throws IllegalArgumentException if a number is out of range
   */
  static void apply(Settings settings, TrainingOptionsBuilder builder, Dataset train) {
    float[] weights = weights(settings, train);
    builder.loss(
        switch (loss(settings)) {
          case "mse" -> Loss.squaredError();
          case "binary-cross-entropy" ->
              weights == null ? Loss.binaryCrossEntropy() : Loss.binaryCrossEntropy(weights);
          default -> weights == null ? Loss.crossEntropy() : Loss.crossEntropy(weights);
        });
    builder.mixing(
        new Mixing(
            settings.has("mixup") ? settings.real("mixup") : 0,
            settings.has("cutmix") ? settings.real("cutmix") : 0));
  }

  private static float @Nullable [] weights(Settings settings, Dataset train) {
    String text = settings.find("class-weights");
    if (text == null) {
      return null;
    }
    if (text.equals(BALANCED)) {
      return balanced(train, loss(settings).equals("cross-entropy"));
    }
    String[] words = text.split(",", -1);
    List<String> names = train.classNames();
    if (words.length != names.size()) {
      throw new BadInputException(
          "--class-weights has %d numbers for %d classes (%s): give balanced or one for each."
              .formatted(
                  words.length,
                  names.size(),
                  String.join(", ", names.subList(0, Math.min(5, names.size())))
                      + (names.size() > 5 ? ", ..." : "")));
    }
    float[] weights = new float[words.length];
    for (int i = 0; i < weights.length; i++) {
      try {
        weights[i] = Float.parseFloat(words[i]);
      } catch (NumberFormatException e) {
        weights[i] = Float.NaN;
      }
      if (!(weights[i] > 0) || Float.isInfinite(weights[i])) {
        throw new BadInputException(
            "--class-weights holds '%s': give numbers above 0, or balanced.".formatted(words[i]));
      }
    }
    return weights;
  }

  /**
   * So that all classes count alike in sum or, for labels by themselves, that pictures which have
   * one count as much as those that do not. A class without pictures has weight 1.
   */
  private static float[] balanced(Dataset train, boolean oneClass) {
    int classes = train.classNames().size();
    double[] there = new double[classes];
    MemorySegment targets = MemorySegment.ofArray(new byte[4 * classes]);
    for (int i = 0; i < train.size(); i++) {
      train.targets(i, targets, 0);
      for (int k = 0; k < classes; k++) {
        there[k] += targets.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * k);
      }
    }
    float[] weights = new float[classes];
    for (int k = 0; k < classes; k++) {
      double others = oneClass ? (double) train.size() / classes : train.size() - there[k];
      boolean known = there[k] > 0 && others > 0;
      weights[k] = known ? (float) (others / there[k]) : 1;
    }
    return weights;
  }
}
