package dev.nibble.engine.train;

import dev.nibble.engine.data.BatchSlot;
import dev.nibble.engine.data.DataLoader;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.PrefetchingDataLoader;
import dev.nibble.engine.events.EvaluationEvent;
import dev.nibble.engine.exec.Session;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** Loss and accuracy of a session's network on a data set, with running statistics. */
final class Evaluator {
  /**
   * What came out.
   *
   * @param pictures how many were evaluated
   * @param loss mean loss
   * @param accuracy share classified correctly
   */
  record Result(long pictures, double loss, double accuracy) {}

  private Evaluator() {}

  /**
   * Evaluates all pictures of a data set.
   *
   * @param slots slots of the session that nobody else uses meanwhile
   * @param cancelled asked between batches
   * @param interrupts of the calling thread
   * @param patient whether to wait for batches after an interrupt
   * @return nothing if it was cancelled before the last batch
   */
  static Optional<Result> evaluate(
      Session session,
      Dataset data,
      List<BatchSlot> slots,
      BooleanSupplier cancelled,
      Interrupts interrupts,
      boolean patient) {
    EvaluationEvent event = new EvaluationEvent();
    event.begin();
    long pictures = 0;
    double loss = 0;
    long correct = 0;
    int batch = session.plan().options().batch();
    try (DataLoader loader =
        PrefetchingDataLoader.forEvaluation(data, batch, slots, session.share())) {
      while (pictures < data.size()) {
        BatchSlot slot = interrupts.take(loader, patient);
        if (slot == null) {
          return Optional.empty();
        }
        session.load(slot);
        session.evaluate(slot.labels(), slot.total());
        loss += session.lossSum();
        correct += session.correct();
        pictures += slot.total();
        loader.release(slot);
        if (pictures < data.size() && cancelled.getAsBoolean()) {
          return Optional.empty();
        }
      }
    }
    Result result = new Result(pictures, loss / pictures, (double) correct / pictures);
    event.outcome(pictures, result.loss(), result.accuracy());
    event.commit();
    return Optional.of(result);
  }
}
