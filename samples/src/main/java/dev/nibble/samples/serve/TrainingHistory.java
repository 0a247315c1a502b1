package dev.nibble.samples.serve;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.util.ArrayList;
import java.util.List;

/** The curves of one training. Of many steps every second, fourth, ... is kept, and the last. */
final class TrainingHistory {
  private static final int MOST_POINTS = 2000;

  private final List<Point> steps = new ArrayList<>();
  private final List<Point> epochs = new ArrayList<>();
  private Point last = new Point(0, Double.NaN, Double.NaN);
  private long stride = 1;

  private record Point(long step, double loss, double accuracy) {
    private JsonValue toJson() {
      return JsonValue.array(List.of(JsonValue.of(step), Json.orNull(loss), Json.orNull(accuracy)));
    }
  }

  synchronized void step(long step, double loss, double accuracy) {
    last = new Point(step, loss, accuracy);
    if ((step - 1) % stride != 0) {
      return;
    }
    if (steps.size() == MOST_POINTS - 1) { // room for the last
      stride *= 2;
      steps.removeIf(p -> (p.step - 1) % stride != 0);
      if ((step - 1) % stride != 0) {
        return;
      }
    }
    steps.add(last);
  }

  synchronized void epoch(long step, double loss, double accuracy) {
    epochs.add(new Point(step, loss, accuracy));
  }

  synchronized JsonObject toJson() {
    List<JsonValue> points = new ArrayList<>();
    steps.forEach(p -> points.add(p.toJson()));
    if (last.step > 0 && steps.getLast().step != last.step) {
      points.add(last.toJson());
    }
    return JsonObject.builder()
        .put("steps", JsonValue.array(points))
        .put("epochs", JsonValue.array(epochs.stream().map(Point::toJson).toList()))
        .build();
  }
}
