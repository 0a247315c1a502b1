package dev.nibble.samples;

import dev.nibble.engine.optim.Optimizer;
import dev.nibble.engine.train.TrainingOptionsBuilder;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The settings of a run about how gradients become weights. What is off is not among them. */
final class UpdateSettings {
  private static final List<String> OPTIMIZERS = List.of("sgd", "nesterov", "adamw");

  private UpdateSettings() {}

  /** Puts what is given, what was saved and the defaults together. */
  static void settle(Settings settings, UpdateOptions given) {
    String name = name(given.optimizer);
    // A run that says nothing about it was begun when there was only one.
    settings.optional("optimizer", name == null && !settings.isResumed() ? "sgd" : name);
    if (isAdamW(settings)) {
      refuse(settings, "--momentum", given.momentum, "sgd and nesterov");
      settings.fixed("beta1", given.beta1, 0.9);
      settings.fixed("beta2", given.beta2, 0.999);
      settings.fixed("epsilon", given.epsilon, 1e-8);
      settings.fixed("weight-decay", given.weightDecay, 0.01);
    } else {
      refuse(settings, "--beta1", given.beta1, "adamw");
      refuse(settings, "--beta2", given.beta2, "adamw");
      refuse(settings, "--epsilon", given.epsilon, "adamw");
      settings.fixed("momentum", given.momentum, 0.9);
      settings.fixed("weight-decay", given.weightDecay, 2e-4);
    }
    settings.optional("clip-norm", given.clipNorm);
    settings.optional("label-smoothing", given.labelSmoothing);
    settings.optional("accumulate", given.accumulate);
    settings.optional("ema", given.ema);
    settings.optional("early-stopping", given.earlyStopping);
    settings.optional("min-delta", given.minDelta);
    if (settings.has("min-delta") && !settings.has("early-stopping")) {
      throw new BadInputException("--min-delta belongs to --early-stopping: give that too.");
    }
  }

  private static @Nullable String name(@Nullable String text) {
    return text == null ? null : Names.choose("--optimizer", text, OPTIMIZERS);
  }

  private static void refuse(
      Settings settings, String option, @Nullable Double given, String owner) {
    if (given != null) {
      throw new BadInputException(
          "%s belongs to %s, but --optimizer is %s: leave it out."
              .formatted(option, owner, optimizerName(settings)));
    }
  }

  private static String optimizerName(Settings settings) {
    return settings.has("optimizer") ? settings.text("optimizer") : "sgd";
  }

  private static boolean isAdamW(Settings settings) {
    return optimizerName(settings).equals("adamw");
  }

  /** The highest learning rate where none is given. */
  static float standardRate(Settings settings) {
    return isAdamW(settings) ? 1e-3f : 0.1f;
  }

  /**
   * Sets what the settings say.
   *
   * @throws IllegalArgumentException if a number is out of range
   */
  static void apply(Settings settings, TrainingOptionsBuilder builder) {
    builder
        .optimizer(optimizer(settings))
        .clipNorm(realOr(settings, "clip-norm", 0))
        .labelSmoothing(realOr(settings, "label-smoothing", 0))
        .accumulate(settings.has("accumulate") ? settings.integer("accumulate") : 1)
        .ema(realOr(settings, "ema", 0));
    String scales = settings.find("lr-scale");
    for (String scale : scales == null ? new String[0] : scales.split(",", -1)) {
      int equals = scale.lastIndexOf('=');
      builder.rateScale(
          scale.substring(0, Math.max(0, equals)).strip(),
          factor(scale, scale.substring(equals + 1)));
    }
    if (settings.has("early-stopping")) {
      builder.earlyStopping(settings.integer("early-stopping"), realOr(settings, "min-delta", 0));
    }
  }

  private static double factor(String scale, String text) {
    try {
      return Double.parseDouble(text.strip());
    } catch (NumberFormatException e) {
      throw new BadInputException(
          "--lr-scale '%s' is none: give layers and a factor, such as head=10.".formatted(scale),
          e);
    }
  }

  private static Optimizer optimizer(Settings settings) {
    double decay = settings.real("weight-decay");
    return switch (optimizerName(settings)) {
      case "adamw" ->
          Optimizer.adamW(
              settings.real("beta1"), settings.real("beta2"), settings.real("epsilon"), decay);
      case "nesterov" -> Optimizer.nesterov(settings.real("momentum"), decay);
      default -> Optimizer.sgd(settings.real("momentum"), decay);
    };
  }

  private static double realOr(Settings settings, String name, double standard) {
    return settings.has(name) ? settings.real(name) : standard;
  }

  /** An optimiser by its name alone, with its usual constants. */
  static Optimizer usual(String text) {
    Settings settings = Settings.fresh();
    UpdateOptions options = new UpdateOptions();
    options.optimizer = text;
    settle(settings, options);
    return optimizer(settings);
  }
}
