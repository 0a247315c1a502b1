package dev.nibble.samples.serve;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/**
 * Decides whether a new model may take the current one's place, by both on the same held-out
 * pictures: over all of them it may lose the margin, and on each class the margin and what chance
 * moves. A class of three pictures says little, one of a thousand much.
 */
final class Acceptance {
  /** One in so many trainings that change nothing may be refused for a class, roughly. */
  private static final double ODDS = 20;

  private Acceptance() {}

  /**
   * Why the new model is refused, in a sentence, or null if it is not.
   *
   * @param before of the current version, or null if there is none
   * @param version the current version
   * @param margin accuracy that may be lost, 0 to 1
   */
  static @Nullable String refusal(
      Scores after, @Nullable Scores before, @Nullable Long version, double margin) {
    if (after.senseless() > 0) {
      return String.format(
          Locale.ROOT,
          "The new model's answers to %d of %d held-out pictures are no finite numbers%s: train"
              + " with a lower learning rate.",
          after.senseless(),
          after.pictures(),
          version == null ? "" : ", so version " + version + " stays");
    }
    if (before == null) {
      return null;
    }
    if (after.accuracy() < before.accuracy() - margin) {
      return "The new model classifies %s of the held-out pictures, version %s %s: that one stays."
          .formatted(percent(after.accuracy()), version, percent(before.accuracy()));
    }
    Map<String, Scores.OfClass> old = new HashMap<>();
    before.classes().forEach(c -> old.put(c.label(), c));
    for (Scores.OfClass now : after.classes()) {
      Scores.OfClass then = old.get(now.label());
      if (then != null
          && then.correct() - now.correct() > allowed(then, now, after.classes().size(), margin)) {
        return "The new model classifies %s of the held-out pictures of '%s', version %s %s: that one stays."
            .formatted(share(now), now.label(), version, share(then));
      }
    }
    return null;
  }

  /**
   * Pictures of a class that may be lost: the margin of them, and so many standard deviations of
   * what a model as good as both gets right, that a training without effect is rarely refused
   * however many classes there are. (Both models see the same pictures, so they differ less than
   * two models by chance.)
   */
  static double allowed(Scores.OfClass before, Scores.OfClass after, int classes, double margin) {
    int pictures = before.pictures();
    // Of few pictures none is sure.
    double share = (before.correct() + after.correct() + 1.0) / (2.0 * pictures + 2);
    double deviations = Math.sqrt(2 * Math.log(ODDS * classes));
    return margin * pictures + deviations * Math.sqrt(pictures * share * (1 - share));
  }

  /** What there is to know about an accepted model beyond its accuracy, in sentences, or "". */
  static String remarks(Scores after, @Nullable List<String> known, List<String> waiting) {
    StringBuilder remarks = new StringBuilder();
    Scores.OfClass weakest = after.weakest();
    if (weakest != null && after.classes().size() > 1) {
      remarks.append(" Weakest: '%s', %s.".formatted(weakest.label(), share(weakest)));
    }
    if (known != null) {
      StringJoiner news = new StringJoiner(", ", " New: ", ".");
      news.setEmptyValue("");
      after.classes().stream()
          .filter(c -> !known.contains(c.label()))
          .forEach(c -> news.add("'%s', %s".formatted(c.label(), share(c))));
      remarks.append(news);
    }
    if (!after.unmeasured().isEmpty()) {
      remarks.append(
          " Not measured, without held-out pictures: %s.".formatted(names(after.unmeasured())));
    }
    if (!waiting.isEmpty()) {
      remarks.append(
          String.format(
              Locale.ROOT,
              " Not learnt yet: %s; a new class needs %d examples, so that one can be held out.",
              names(waiting),
              TrainingData.HELD_OUT_OF));
    }
    return remarks.toString();
  }

  private static String names(List<String> labels) {
    int most = 5;
    StringJoiner names = new StringJoiner(", ");
    labels.stream().limit(most).forEach(label -> names.add("'" + label + "'"));
    return labels.size() <= most
        ? names.toString()
        : names + " and " + (labels.size() - most) + " more";
  }

  private static String share(Scores.OfClass of) {
    return of.pictures() == 0
        ? "not measured"
        : String.format(Locale.ROOT, "%d of %d", of.correct(), of.pictures());
  }

  static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }
}
