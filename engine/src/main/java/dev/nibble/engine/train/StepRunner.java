package dev.nibble.engine.train;

import dev.nibble.engine.data.BatchSlot;
import dev.nibble.engine.data.DataLoader;
import dev.nibble.engine.exec.Session;

/** Makes steps of the loader's batches, and keeps the last one's figures. */
final class StepRunner {
  private final Session session;
  private final DataLoader loader;
  private final BatchGroups groups;
  private double lossSum;
  private long correct;
  private long pictures;

  StepRunner(Session session, DataLoader loader, BatchGroups groups) {
    this.session = session;
    this.loader = loader;
    this.groups = groups;
  }

  /**
   * Makes a step.
   *
   * @param step its number, from 1
   * @return whether the loader had enough batches for it; if not, there was no step
   * @throws DivergedException if it comes to no finite weights
   */
  boolean run(long step, float rate) {
    lossSum = 0;
    correct = 0;
    pictures = 0;
    int batches = groups.batchesOf(step - 1);
    for (int batch = 1; batch <= batches; batch++) {
      BatchSlot slot = loader.take();
      if (slot == null) {
        session.update().dropGroup();
        return false;
      }
      session.load(slot);
      boolean finite =
          batch < batches
              ? session.accumulate(slot.labels(), slot.count())
              : session.train(slot.labels(), slot.count(), rate);
      if (!finite) {
        throw DivergedException.of(
            step, session.lossSum() / slot.count(), session.update().gradientNorm());
      }
      lossSum += session.lossSum();
      correct += session.correct();
      pictures += slot.count();
      loader.release(slot);
    }
    return true;
  }

  /** Mean loss of the step's pictures. */
  double loss() {
    return lossSum / pictures;
  }

  /** Share of the step's pictures that were classified correctly. */
  double accuracy() {
    return (double) correct / pictures;
  }

  /** Pictures of the step. */
  long pictures() {
    return pictures;
  }
}
