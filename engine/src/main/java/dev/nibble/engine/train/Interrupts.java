package dev.nibble.engine.train;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.loading.BatchSlot;
import dev.nibble.engine.data.loading.DataLoader;
import org.jspecify.annotations.Nullable;

/**
 * Interrupts of the training thread: each is a wish to cancel, taken from the thread as soon as it
 * is seen, since it would close the files that are written at the run's end, and given back when
 * the run has ended.
 */
final class Interrupts {
  private boolean seen;

  /** Whether there was one. */
  boolean seen() {
    seen |= Thread.interrupted();
    return seen;
  }

  /**
   * Waits for a batch.
   *
   * @param patient whether to wait on after an interrupt
   * @return null if there is none, or an impatient wait was interrupted
   */
  @Nullable BatchSlot take(DataLoader loader, boolean patient) {
    while (true) {
      try {
        return loader.take();
      } catch (DataException e) {
        if (!Thread.interrupted()) {
          throw e; // no interrupt led to it
        }
        seen = true;
        if (!patient) {
          return null;
        }
      }
    }
  }

  /** Gives the thread back what was taken from it. */
  void restore() {
    if (seen()) {
      Thread.currentThread().interrupt();
      seen = false;
    }
  }
}
