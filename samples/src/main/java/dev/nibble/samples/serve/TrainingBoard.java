package dev.nibble.samples.serve;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.memory.MemoryAccount;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Shows where the training stands: to who asks, and, as events, to who listens. */
final class TrainingBoard implements TrainingListener {
  private static final long LEAST_NANOS = 100_000_000; // ten states a second are enough to watch

  private final Events events;
  private final MemoryAccount account;
  private final Supplier<@Nullable Long> version;
  private volatile TrainingStatus status = TrainingStatus.IDLE;
  private volatile TrainingHistory history = new TrainingHistory();
  private volatile long planned = -1;
  private long shownAt;

  TrainingBoard(Events events, MemoryAccount account, Supplier<@Nullable Long> version) {
    this.events = events;
    this.account = account;
    this.version = version;
  }

  /** A new training begins. */
  void start(String message, int epochs) {
    history = new TrainingHistory();
    status = TrainingStatus.starting(message, epochs);
    events.publish("started", JsonObject.builder().build());
    publish();
  }

  /**
   * The training knows what it will do.
   *
   * @param steps in all
   * @param bytes that all will hold together while it runs
   */
  void plan(String message, long steps, long bytes) {
    TrainingStatus now = status;
    planned = bytes;
    status =
        new TrainingStatus(
            TrainingStatus.State.RUNNING,
            message,
            0,
            steps,
            1,
            now.epochs(),
            Double.NaN,
            Double.NaN,
            Double.NaN);
    publish();
  }

  /** What it does now, in a sentence. */
  void say(String message) {
    status = status.with(TrainingStatus.State.RUNNING, message);
    publish();
  }

  /** The training has ended. */
  void end(TrainingStatus.State state, String message) {
    planned = -1;
    status = status.with(state, message);
    publish();
  }

  @Override
  public void onStep(Step step) {
    history.step(step.step(), step.loss(), step.accuracy());
    TrainingStatus now = status;
    status =
        new TrainingStatus(
            now.state(),
            now.message(),
            step.step(),
            now.steps(),
            step.epoch(),
            now.epochs(),
            step.loss(),
            step.accuracy(),
            step.imagesPerSecond());
    if (events.listeners() == 0) {
      return;
    }
    events.publish(
        "step",
        JsonObject.builder()
            .put("step", step.step())
            .put("loss", Json.orNull(step.loss()))
            .put("accuracy", Json.orNull(step.accuracy()))
            .build());
    if (System.nanoTime() - shownAt >= LEAST_NANOS) {
      publish();
    }
  }

  @Override
  public void onEpoch(Epoch epoch) {
    history.epoch(epoch.step(), epoch.testLoss(), epoch.testAccuracy());
    events.publish(
        "epoch",
        JsonObject.builder()
            .put("step", epoch.step())
            .put("epoch", epoch.epoch())
            .put("test_loss", Json.orNull(epoch.testLoss()))
            .put("test_accuracy", Json.orNull(epoch.testAccuracy()))
            .build());
  }

  private void publish() {
    shownAt = System.nanoTime();
    events.publish("status", toJson());
  }

  /** Where the training stands now. */
  TrainingStatus status() {
    return status;
  }

  /** The curves of the latest training. */
  TrainingHistory history() {
    return history;
  }

  /** The status object. */
  JsonObject toJson() {
    Long serving = version.get();
    long used = account.used();
    JsonObject memory =
        JsonObject.builder()
            .put("used", used)
            .put("planned", planned < 0 ? used : Math.max(planned, used))
            .put("limit", account.limit())
            .put("peak", account.peak())
            .build();
    return JsonObject.builder()
        .put("training", status.toJson())
        .put("memory", memory)
        .put("version", serving == null ? Json.NULL : JsonValue.of(serving.longValue()))
        .build();
  }
}
