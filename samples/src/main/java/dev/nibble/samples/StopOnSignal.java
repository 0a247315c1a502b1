package dev.nibble.samples;

import java.io.PrintWriter;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Between its making and its closing, Ctrl-C and SIGTERM stop the work in an orderly way: the JVM
 * ends only once this is closed, or after a bounded time.
 */
final class StopOnSignal implements AutoCloseable {
  private static final long MOST_SECONDS = 60;

  private final CountDownLatch finished = new CountDownLatch(1);
  private final Thread hook;

  /**
   * Watches for the signals.
   *
   * @param cancel asks the work to stop soon
   * @param tooLate what to say if it did not
   */
  StopOnSignal(Runnable cancel, PrintWriter err, String tooLate) {
    hook =
        new Thread(
            () -> {
              cancel.run();
              try {
                if (!finished.await(MOST_SECONDS, TimeUnit.SECONDS)) {
                  err.println(tooLate);
                  err.flush();
                }
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "nibble-stop");
    Runtime.getRuntime().addShutdownHook(hook);
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
