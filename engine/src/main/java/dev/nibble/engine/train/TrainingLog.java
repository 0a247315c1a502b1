package dev.nibble.engine.train;

import dev.nibble.memory.ByteSize;
import java.lang.System.Logger.Level;

/**
 * A line at a run's start and end. At debug level: the JDK's own logger prints anything higher on
 * the console of whoever embeds this.
 */
final class TrainingLog {
  private TrainingLog() {}

  private static System.Logger logger() {
    return System.getLogger("dev.nibble.engine.train");
  }

  static void started(TrainingRun run) {
    System.Logger logger = logger();
    if (logger.isLoggable(Level.DEBUG)) {
      logger.log(
          Level.DEBUG,
          "Training {0} from step {1} to {2}, batch {3}, in {4}.",
          run.network(),
          Long.toString(run.startStep() + 1),
          Long.toString(run.totalSteps()),
          Integer.toString(run.batch()),
          ByteSize.format(run.plannedBytes()));
    }
  }

  static void ended(TrainingRun run, TrainingResult result) {
    System.Logger logger = logger();
    if (logger.isLoggable(Level.DEBUG)) {
      logger.log(
          Level.DEBUG,
          "Training {0} {1} after step {2}: loss {3}, test accuracy {4}.",
          run.network(),
          result.cancelled() ? "stopped" : "ended",
          Long.toString(result.steps()),
          result.loss(),
          result.testAccuracy());
    }
  }
}
