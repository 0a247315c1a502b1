package dev.nibble.samples.serve;

import java.util.concurrent.TimeUnit;

/** Counts the requests under way, so that a stop can refuse new ones and wait for these. */
final class InFlight {
  private final Object lock = new Object();
  private int running;
  private boolean stopping;

  /** Begins one, unless the service is stopping. */
  boolean enter() {
    synchronized (lock) {
      if (stopping) {
        return false;
      }
      running++;
      return true;
    }
  }

  void exit() {
    synchronized (lock) {
      running--;
      lock.notifyAll();
    }
  }

  /** Refuses new ones from now on. */
  void refuse() {
    synchronized (lock) {
      stopping = true;
    }
  }

  /** Waits until none is under way; false if some still are after that time. */
  boolean awaitNone(long seconds) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    synchronized (lock) {
      while (running > 0) {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
          return false;
        }
        try {
          TimeUnit.NANOSECONDS.timedWait(lock, left);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return false;
        }
      }
      return true;
    }
  }
}
