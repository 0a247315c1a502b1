package dev.nibble.engine.data.parquet;

import dev.nibble.engine.data.DataException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Calls the library on a thread of its own, and stops waiting for it when nothing happens any more:
 * where a thread of the library dies of a damaged page, its reader waits for that thread for ever.
 * As long as the disk is read, however slowly, something happens.
 */
final class Patience implements AutoCloseable {
  private static final long GLANCE_MILLIS = 50;

  private final Path path;
  private final ChannelInput input;
  private final long most;
  private final ExecutorService thread;

  /** What is done with the library. */
  @FunctionalInterface
  interface Task<T> {
    T run() throws IOException;
  }

  /** Something of the library that is to be closed. */
  record Held<T extends AutoCloseable>(Patience patience, T part) implements AutoCloseable {
    @Override
    public void close() throws IOException {
      patience.close(part);
    }
  }

  /**
   * For one file.
   *
   * @param most how long the library may take, from when it last read something
   */
  Patience(Path path, ChannelInput input, Duration most) {
    this.path = path;
    this.input = input;
    this.most = most.toNanos();
    this.thread =
        Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("nibble-parquet").factory());
  }

  /**
   * Does it, and waits for it.
   *
   * @throws DataException if nothing happens for too long; whatever is called later fails at once
   */
  <T> T call(Task<T> task) throws IOException {
    if (thread.isShutdown()) {
      throw stuck();
    }
    long start = System.nanoTime();
    Future<T> result = thread.submit(task::run);
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return result.get(GLANCE_MILLIS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
          if (Math.min(System.nanoTime() - start, input.idle()) > most) {
            thread.shutdownNow();
            throw stuck();
          }
        } catch (InterruptedException e) {
          interrupted = true; // told to the caller afterwards: this wait has an end of its own
        }
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException cause) {
        throw cause;
      }
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      if (e.getCause() instanceof Error cause) {
        throw cause;
      }
      throw new IllegalStateException(e);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Opens something of the library. */
  <T extends AutoCloseable> Held<T> hold(Task<T> opening) throws IOException {
    return new Held<>(this, call(opening));
  }

  private DataException stuck() {
    return new DataException(
        "Cannot read the Parquet file %s: nothing came of it for %d ms, as happens with a damaged page; write or fetch it again."
            .formatted(path, TimeUnit.NANOSECONDS.toMillis(most)));
  }

  /** Closes something of the library, unless a call was given up: its closing would wait too. */
  void close(AutoCloseable part) throws IOException {
    if (thread.isShutdown()) {
      return;
    }
    call(
        () -> {
          try {
            part.close();
          } catch (IOException | RuntimeException e) {
            throw e;
          } catch (Exception e) {
            throw new IOException(e);
          }
          return part;
        });
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
