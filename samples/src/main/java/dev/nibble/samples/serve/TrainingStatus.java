package dev.nibble.samples.serve;

import dev.nibble.engine.json.JsonValue.JsonObject;
import java.util.Locale;

/**
 * Where the latest training stands.
 *
 * @param state what it is doing, or how it ended
 * @param message that in a sentence
 * @param step steps done, -1 if unknown, as for the other counts
 * @param steps steps in all
 * @param epoch epoch under way, from 1
 * @param epochs epochs in all
 * @param loss of the last step, NaN if unknown, as for the other figures
 * @param accuracy of the last step's batch
 * @param imagesPerSecond of the last step
 */
record TrainingStatus(
    State state,
    String message,
    long step,
    long steps,
    int epoch,
    int epochs,
    double loss,
    double accuracy,
    double imagesPerSecond) {

  /** What a training is doing, or how it ended. */
  enum State {
    IDLE,
    RUNNING,
    ACCEPTED,
    REJECTED,
    FAILED,
    CANCELLED
  }

  static final TrainingStatus IDLE =
      new TrainingStatus(
          State.IDLE,
          "Nothing has been trained since the start.",
          -1,
          -1,
          -1,
          -1,
          Double.NaN,
          Double.NaN,
          Double.NaN);

  static TrainingStatus starting(String message, int epochs) {
    return new TrainingStatus(
        State.RUNNING, message, 0, -1, -1, epochs, Double.NaN, Double.NaN, Double.NaN);
  }

  /** The same in another state. */
  TrainingStatus with(State newState, String newMessage) {
    return new TrainingStatus(
        newState, newMessage, step, steps, epoch, epochs, loss, accuracy, imagesPerSecond);
  }

  JsonObject toJson() {
    return JsonObject.builder()
        .put("state", state.name().toLowerCase(Locale.ROOT))
        .put("message", message)
        .put("step", Json.orNull(step))
        .put("steps", Json.orNull(steps))
        .put("epoch", Json.orNull(epoch))
        .put("epochs", Json.orNull(epochs))
        .put("loss", Json.orNull(loss))
        .put("accuracy", Json.orNull(accuracy))
        .put("images_per_second", Json.orNull(imagesPerSecond))
        .build();
  }
}
