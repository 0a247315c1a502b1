package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.loading.BatchSlot;
import dev.nibble.engine.data.loading.DataLoader;
import dev.nibble.engine.data.loading.PrefetchingDataLoader;
import dev.nibble.engine.events.EvaluationEvent;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.infer.Metrics;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
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
   * @param metrics what the task's figures are
   */
  record Result(long pictures, double loss, Metrics metrics) {
    /** What epochs are compared by. */
    double score() {
      return metrics.score();
    }
  }

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
    Metrics metrics = Metrics.of(data.task(), data.classNames());
    float[] outputs = new float[data.classNames().size()];
    float[] targets = new float[outputs.length];
    int batch = session.plan().options().batch();
    try (DataLoader loader =
        PrefetchingDataLoader.forEvaluation(data, batch, slots, session.share())) {
      while (pictures < data.size()) {
        BatchSlot slot = interrupts.take(loader, patient);
        if (slot == null) {
          return Optional.empty();
        }
        session.load(slot);
        session.evaluate(slot.wanted(), slot.total());
        loss += session.lossSum();
        MemorySegment wanted = session.evaluatedLabels(slot.wanted());
        for (int i = 0; i < slot.total(); i++) {
          long first = (long) i * outputs.length;
          MemorySegment.copy(
              session.evaluatedLogits(), JAVA_FLOAT, 4 * first, outputs, 0, outputs.length);
          if (slot.targets() != null) {
            MemorySegment.copy(wanted, JAVA_FLOAT, 4 * first, targets, 0, targets.length);
          } else {
            Arrays.fill(targets, 0);
            targets[wanted.getAtIndex(JAVA_INT, i)] = 1;
          }
          metrics.add(outputs, targets);
        }
        pictures += slot.total();
        loader.release(slot);
        if (pictures < data.size() && cancelled.getAsBoolean()) {
          return Optional.empty();
        }
      }
    }
    Result result = new Result(pictures, loss / pictures, metrics);
    event.outcome(pictures, result.loss(), result.score());
    event.commit();
    return Optional.of(result);
  }
}
