package dev.nibble.samples.serve;

import dev.nibble.engine.checkpoint.CheckpointException;
import dev.nibble.engine.data.DataException;
import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.train.DivergedException;
import dev.nibble.kernels.DeviceException;
import dev.nibble.memory.MemoryLimitException;
import dev.nibble.samples.serve.TrainingStatus.State;
import java.io.IOException;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * Trains in the background, one training at a time, on a thread of its own. However one ends, the
 * service goes on; only one that is accepted changes anything.
 */
final class Retraining implements AutoCloseable {
  private final TrainingJob.Setup setup;
  private final TrainingBoard board;
  private @Nullable TrainingJob job;
  private @Nullable Thread thread;
  private boolean closed;

  Retraining(TrainingJob.Setup setup, TrainingBoard board) {
    this.setup = setup;
    this.board = board;
  }

  /**
   * Starts a training.
   *
   * @param epochs passes, or null for as many as the options say
   * @throws HttpProblem if one runs, or the service is stopping
   */
  @SuppressWarnings("ThreadPriorityCheck") // predictions come first where the system lets them
  synchronized void start(@Nullable Integer epochs) {
    if (closed) {
      throw new HttpProblem(
          HttpProblem.UNAVAILABLE, "The service is stopping: try again when it is back.");
    }
    if (isRunning()) {
      throw new HttpProblem(
          HttpProblem.CONFLICT, "A training is under way: wait for its end, or cancel it.");
    }
    boolean first = setup.registry().version() == null;
    int passes =
        epochs != null ? epochs : first ? setup.options().firstEpochs() : setup.options().epochs();
    TrainingJob next = new TrainingJob(setup, board, passes);
    board.start(first ? "Preparing the first training." : "Preparing the training.", passes);
    job = next;
    Thread started =
        Thread.ofPlatform()
            .name("nibble-retraining")
            .daemon()
            .priority(Thread.MIN_PRIORITY)
            .unstarted(() -> run(next));
    thread = started;
    started.start();
  }

  /** Whether a training is under way. */
  synchronized boolean isRunning() {
    return thread != null && thread.isAlive() && board.status().state() == State.RUNNING;
  }

  /**
   * Asks the training to stop soon.
   *
   * @throws HttpProblem if there is none
   */
  synchronized void cancel() {
    if (!isRunning() || job == null) {
      throw new HttpProblem(
          HttpProblem.CONFLICT, "No training is under way, so there is none to cancel.");
    }
    job.cancel();
  }

  private void run(TrainingJob running) {
    try {
      TrainingJob.Outcome outcome = running.run();
      board.end(outcome.state(), outcome.message());
    } catch (CancellationException e) {
      board.end(State.CANCELLED, "The training was cancelled; " + unchanged());
    } catch (DivergedException
        | DataException
        | ExchangeException
        | CheckpointException
        | MemoryLimitException
        | ServiceException e) {
      board.end(State.FAILED, ended(String.valueOf(e.getMessage())) + " " + capital(unchanged()));
    } catch (DeviceException e) {
      board.end(State.FAILED, "The GPU failed: %s; %s".formatted(e.getMessage(), unchanged()));
    } catch (IOException e) {
      board.end(
          State.FAILED,
          "The new model could not be kept: %s. Free some space and train again; %s"
              .formatted(ServiceException.reason(e), unchanged()));
    } catch (OutOfMemoryError e) {
      board.end(
          State.FAILED,
          "The Java heap is full: give more with NIBBLE_JAVA_OPTS=-Xmx2g; " + unchanged());
    } catch (RuntimeException | Error e) {
      System.getLogger(Retraining.class.getName())
          .log(System.Logger.Level.ERROR, "A training failed", e);
      board.end(State.FAILED, "The training failed by %s; %s".formatted(e, unchanged()));
    }
  }

  private String unchanged() {
    Long version = setup.registry().version();
    return version == null ? "there is no model yet." : "version %s serves.".formatted(version);
  }

  private static String ended(String sentence) {
    return sentence.endsWith(".") ? sentence : sentence + ".";
  }

  private static String capital(String sentence) {
    return Character.toUpperCase(sentence.charAt(0)) + sentence.substring(1);
  }

  /** Cancels what runs and waits for its end; no further training starts. */
  @Override
  public void close() {
    Thread last;
    synchronized (this) {
      closed = true;
      if (job != null) {
        job.cancel();
      }
      last = thread;
    }
    boolean interrupted = false;
    while (last != null && last.isAlive()) {
      try {
        last.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
