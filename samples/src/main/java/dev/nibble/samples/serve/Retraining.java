package dev.nibble.samples.serve;

import dev.nibble.engine.checkpoint.CheckpointException;
import dev.nibble.engine.data.DataException;
import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.train.DivergedException;
import dev.nibble.kernels.DeviceException;
import dev.nibble.memory.MemoryLimitException;
import dev.nibble.samples.serve.TrainingStatus.State;
import java.io.IOException;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * Trains in the background, one training at a time, on a thread of its own. However one ends, the
 * service goes on; only one that is accepted changes anything.
 */
final class Retraining implements AutoCloseable {
  private final TrainingJob.Setup setup;
  private final TrainingBoard board;
  private final ServiceLog log;
  private @Nullable TrainingJob job;
  private @Nullable Thread thread;
  private @Nullable TrainingJob measuring;
  private @Nullable Thread measurer;
  private boolean closed;

  Retraining(TrainingJob.Setup setup, TrainingBoard board, ServiceLog log) {
    this.setup = setup;
    this.board = board;
    this.log = log;
  }

  /**
   * Starts a training.
   *
   * @param epochs passes, or null for as many as the options say
   * @throws HttpProblem if one runs, or the service is stopping
   */
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
    log.say("Training: " + counted(passes) + (first ? "." : ", from " + served() + "."));
    thread = background("nibble-retraining", () -> run(next));
  }

  @SuppressWarnings("ThreadPriorityCheck") // predictions come first where the system lets them
  private static Thread background(String name, Runnable work) {
    Thread started =
        Thread.ofPlatform().name(name).daemon().priority(Thread.MIN_PRIORITY).unstarted(work);
    started.start();
    return started;
  }

  private static String counted(int passes) {
    return passes == 1 ? "1 epoch" : passes + " epochs";
  }

  private String served() {
    return "version " + setup.registry().version();
  }

  /**
   * Measures the current version in the background, where it comes from elsewhere and nobody has.
   */
  synchronized void measure() {
    Long version = setup.registry().version();
    if (closed || version == null || setup.registry().get(version).scores() != null) {
      return;
    }
    TrainingJob next = new TrainingJob(setup, board, 0);
    measuring = next;
    measurer = background("nibble-measuring", () -> measure(next, version));
  }

  private void measure(TrainingJob next, long version) {
    try {
      next.measure(version);
    } catch (CancellationException e) {
      // The service ends, and will measure it at its next start.
      log.say("Version %d was not measured: the service stops.".formatted(version));
    } catch (IOException e) {
      log.say(
          "The figures of version %d could not be kept: %s."
              .formatted(version, ServiceException.reason(e)));
    } catch (RuntimeException | OutOfMemoryError e) {
      log.say("Version %d could not be measured: %s".formatted(version, e.getMessage()));
    }
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
      end(outcome.state(), outcome.message());
    } catch (CancellationException e) {
      end(State.CANCELLED, "The training was cancelled; " + unchanged());
    } catch (DivergedException
        | DataException
        | ExchangeException
        | CheckpointException
        | MemoryLimitException
        | ServiceException e) {
      end(State.FAILED, withoutStop(String.valueOf(e.getMessage())) + "; " + unchanged());
    } catch (DeviceException e) {
      end(State.FAILED, "The GPU failed: %s; %s".formatted(e.getMessage(), unchanged()));
    } catch (IOException e) {
      end(
          State.FAILED,
          "The new model could not be kept: %s. Free some space and train again; %s"
              .formatted(ServiceException.reason(e), unchanged()));
    } catch (OutOfMemoryError e) {
      end(
          State.FAILED,
          "The Java heap is full: give more with NIBBLE_JAVA_OPTS=-Xmx2g; " + unchanged());
    } catch (RuntimeException | Error e) {
      System.getLogger(Retraining.class.getName())
          .log(System.Logger.Level.ERROR, "A training failed", e);
      end(State.FAILED, "The training failed by %s; %s".formatted(e, unchanged()));
    } finally {
      // What a training leaves is old, and the serial collector clears old objects away only where
      // the heap is at its limit: the process would grow with every training until then.
      System.gc();
    }
  }

  private void end(State state, String message) {
    board.end(state, message);
    log.say("Training " + state.name().toLowerCase(Locale.ROOT) + ": " + message);
  }

  private String unchanged() {
    Long version = setup.registry().version();
    return version == null ? "there is no model yet." : "version %s serves.".formatted(version);
  }

  private static String withoutStop(String sentence) {
    return sentence.endsWith(".") ? sentence.substring(0, sentence.length() - 1) : sentence;
  }

  /** Cancels what runs and waits for its end; no further training starts. */
  @Override
  public void close() {
    Thread last;
    Thread other;
    synchronized (this) {
      closed = true;
      if (job != null) {
        job.cancel();
      }
      if (measuring != null) {
        measuring.cancel();
      }
      last = thread;
      other = measurer;
    }
    join(last);
    join(other);
  }

  private static void join(@Nullable Thread last) {
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
