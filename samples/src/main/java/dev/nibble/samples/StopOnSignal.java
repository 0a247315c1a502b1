package dev.nibble.samples;

import java.io.PrintWriter;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Between its making and its closing, Ctrl-C and SIGTERM stop the work in an orderly way: the JVM
 * ends only once this is closed, or after a bounded time.
 */
final class StopOnSignal implements AutoCloseable {
  private static final long MOST_SECONDS = 60;

  /**
   * Work that can be stopped.
   *
   * @param cancel asks it to stop soon
   * @param tooLate what to say if it did not, found out then
   */
  private record Work(Runnable cancel, Supplier<String> tooLate) {}

  private final CountDownLatch finished = new CountDownLatch(1);
  private final Thread hook;
  private volatile @Nullable Work work;

  /** Watches for the signals; until there is work, they end the JVM as ever. */
  StopOnSignal(PrintWriter err) {
    hook =
        new Thread(
            () -> {
              Work begun = work;
              if (begun != null) {
                stop(begun, err);
              }
            },
            "nibble-stop");
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /**
   * Watches for the signals, with work from the beginning.
   *
   * @param cancel asks it to stop soon
   * @param tooLate what to say if it did not
   */
  StopOnSignal(Runnable cancel, PrintWriter err, String tooLate) {
    this(err);
    begin(cancel, () -> tooLate);
  }

  /**
   * Says what a signal stops from here on.
   *
   * @param cancel asks it to stop soon
   * @param tooLate what to say if it did not, found out then
   */
  final void begin(Runnable cancel, Supplier<String> tooLate) {
    work = new Work(cancel, tooLate);
  }

  private void stop(Work begun, PrintWriter err) {
    begun.cancel().run();
    try {
      if (!finished.await(MOST_SECONDS, TimeUnit.SECONDS)) {
        err.println(begun.tooLate().get());
        err.flush();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    finished.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is shutting down, and the hook has just been told that it may go on.
      assert hook.isAlive() || finished.getCount() == 0;
    }
  }
}
