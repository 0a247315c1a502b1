package dev.nibble.engine.train;

import dev.nibble.engine.data.Task;
import dev.nibble.engine.data.loading.BatchSlot;
import dev.nibble.engine.data.loading.DataLoader;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.network.FiniteValues;
import java.lang.foreign.MemorySegment;

/** Makes steps of the loader's batches, and keeps the last one's figures. */
final class StepRunner {
  private final Session session;
  private final DataLoader loader;
  private final BatchGroups groups;
  private final Interrupts interrupts;
  private final boolean shared;
  private final MemorySegment weights;
  private final MemorySegment state;
  private final boolean counts;
  private boolean underWay;
  private double lossSum;
  private long correct;
  private long pictures;

  StepRunner(
      Session session, DataLoader loader, BatchGroups groups, Interrupts interrupts, Task task) {
    this.session = session;
    this.loader = loader;
    this.groups = groups;
    this.interrupts = interrupts;
    this.counts = task != Task.REGRESSION;
    this.shared = !session.share().isWhole();
    this.weights = session.weights();
    this.state = session.runningStatistics();
  }

  /**
   * Makes a step.
   *
   * @param step its number, from 1
   * @return whether the loader had enough batches for it, and the thread was not interrupted while
   *     it waited for the first of them; if not, there was no step
   * @throws DivergedException if it comes to no finite weights
   */
  boolean run(long step, float rate) {
    lossSum = 0;
    correct = 0;
    pictures = 0;
    int batches = groups.batchesOf(step - 1);
    for (int batch = 1; batch <= batches; batch++) {
      // Between the batches of a step nothing can be resumed: the statistics have moved already.
      BatchSlot slot = interrupts.take(loader, batch > 1 || shared);
      if (slot == null) {
        session.update().dropGroup();
        return false;
      }
      underWay = true;
      session.load(slot);
      boolean finite =
          batch < batches
              ? session.accumulate(slot.wanted(), slot.total())
              : session.train(slot.wanted(), slot.total(), rate);
      if (!finite) {
        throw DivergedException.of(
            step, session.lossSum() / slot.total(), session.update().gradientNorm());
      }
      lossSum += session.lossSum();
      correct += session.correct();
      pictures += slot.total();
      loader.release(slot);
    }
    checkFinite(step);
    underWay = false;
    return true;
  }

  /** A loss may be finite whose gradient leaves weights, or batch statistics, that are not. */
  private void checkFinite(long step) {
    if (FiniteValues.firstFault(weights) >= 0 || FiniteValues.firstFault(state) >= 0) {
      throw DivergedException.left(
          step,
          String.valueOf(FiniteValues.fault(session.network().parameters(), session::values)));
    }
  }

  /** Whether a step was begun that did not end: it cannot be resumed from here. */
  boolean isUnderWay() {
    return underWay;
  }

  /** Mean loss of the step's pictures. */
  double loss() {
    return lossSum / pictures;
  }

  /** Share of the step's pictures that came out right; NaN where there is no right and wrong. */
  double accuracy() {
    return counts ? (double) correct / pictures : Double.NaN;
  }

  /** Pictures of the step. */
  long pictures() {
    return pictures;
  }
}
