package dev.nibble.samples.serve;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How a model did on the held-out pictures.
 *
 * @param classes one for each class, in the order of the data
 * @param senseless pictures whose answer held something that is no finite number
 */
record Scores(List<OfClass> classes, int senseless) {

  /**
   * How it did on the pictures of one class.
   *
   * @param correct pictures that it classified correctly
   * @param pictures held-out pictures of this class; 0 if it was not measured
   */
  record OfClass(String label, int correct, int pictures) {
    double accuracy() {
      return pictures == 0 ? Double.NaN : (double) correct / pictures;
    }
  }

  Scores {
    classes = List.copyOf(classes);
  }

  int pictures() {
    return classes.stream().mapToInt(OfClass::pictures).sum();
  }

  /** Share of all pictures that it classified correctly; NaN without any. */
  double accuracy() {
    return (double) classes.stream().mapToInt(OfClass::correct).sum() / pictures();
  }

  /** Classes without a held-out picture. */
  List<String> unmeasured() {
    return classes.stream().filter(c -> c.pictures() == 0).map(OfClass::label).toList();
  }

  /** The class on which it did worst, or null if none was measured. */
  @Nullable OfClass weakest() {
    OfClass weakest = null;
    for (OfClass each : classes) {
      if (each.pictures() > 0 && (weakest == null || each.accuracy() < weakest.accuracy())) {
        weakest = each;
      }
    }
    return weakest;
  }

  JsonValue toJson() {
    List<JsonValue> list = new ArrayList<>();
    for (OfClass each : classes) {
      list.add(
          JsonObject.builder()
              .put("label", each.label())
              .put("accuracy", Json.orNull(each.accuracy()))
              .put("correct", each.correct())
              .put("held_out", each.pictures())
              .build());
    }
    return JsonValue.array(list);
  }

  /**
   * Reads what {@link #toJson} wrote.
   *
   * @throws dev.nibble.engine.json.JsonException if a member is missing or of another kind
   */
  static Scores fromJson(JsonValue json) {
    List<OfClass> classes = new ArrayList<>();
    for (JsonValue each : json.asList()) {
      JsonObject of = each.asObject();
      classes.add(
          new OfClass(
              of.get("label").asString(),
              (int) of.get("correct").asLong(),
              (int) of.get("held_out").asLong()));
    }
    return new Scores(classes, 0);
  }
}
