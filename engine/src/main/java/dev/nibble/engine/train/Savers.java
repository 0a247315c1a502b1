package dev.nibble.engine.train;

import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.collective.Exchange;
import dev.nibble.engine.exec.Session;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Who saves a run's checkpoints: the only or first worker, while the others wait for it. */
final class Savers {
  /** Saves the steps done. */
  interface Save {
    Path save();
  }

  private Savers() {}

  /**
   * What the only or first worker does.
   *
   * @param save saves the steps done
   * @param all where all workers wait for each other; null where there is one
   */
  static TrainingLoop.Saver first(
      Session session, Save save, CheckpointStore store, @Nullable Exchange all) {
    return new TrainingLoop.Saver() {
      @Override
      public Path save() {
        session.agreeOnStatistics();
        Path file = save.save();
        await(all);
        return file;
      }

      @Override
      public void saveAlone() {
        save.save();
      }

      @Override
      public void disown(long step) {
        store.setAside(step, "diverged");
      }
    };
  }

  /** What the others do while the first worker saves. */
  static TrainingLoop.Saver follower(Session session, @Nullable Exchange all) {
    return new TrainingLoop.Saver() {
      @Override
      public @Nullable Path save() {
        session.agreeOnStatistics();
        await(all);
        return null;
      }

      @Override
      public void saveAlone() {
        // The first worker does.
      }

      @Override
      public void disown(long step) {
        // The first worker does.
      }
    };
  }

  /** All workers have come here: the step at hand is safe. */
  private static void await(@Nullable Exchange all) {
    if (all != null) {
      all.run();
    }
  }
}
