package dev.nibble.engine.exec;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed set of platform threads that run the leaves of one pass together with the calling thread.
 * Runs follow each other within microseconds, so idle workers spin for a moment before they park.
 * One thread at a time may call {@link #run}; any thread may close the pool, which waits for the
 * run at hand. Allocates nothing after construction.
 */
final class WorkerPool implements AutoCloseable {
  /** What is run: piece {@code index}, on worker {@code worker} (0 is the calling thread). */
  interface Task {
    void run(int index, int worker);
  }

  private static final long SPIN_NANOS = 200_000;
  private static final long CLOSING_NANOS = 100_000;
  private static final int WORKER_BITS = 16;

  private enum State {
    IDLE,
    RUNNING,
    CLOSED
  }

  private final Thread[] threads;
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicInteger running = new AtomicInteger();

  /** The run at hand: its number, and in the last {@link #WORKER_BITS} bits its workers. */
  private final AtomicLong order = new AtomicLong();

  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private final AtomicReference<State> state = new AtomicReference<>(State.IDLE);
  private volatile boolean closed;
  private volatile @Nullable Thread runner;
  private @Nullable Task task;
  private int tasks;

  /**
   * Starts the workers.
   *
   * @param size threads that compute, the caller among them
   */
  WorkerPool(int size, String name) {
    if (size < 1 || size > 1024) {
      throw new IllegalArgumentException("A session has 1 to 1024 threads, not " + size);
    }
    threads = new Thread[size - 1];
    for (int i = 0; i < threads.length; i++) {
      int worker = i + 1;
      threads[i] =
          Thread.ofPlatform().name(name + "-" + worker).daemon().unstarted(() -> loop(worker));
    }
    try {
      for (Thread thread : threads) {
        thread.start();
      }
    } catch (OutOfMemoryError e) {
      close(); // the system gives no further thread: those that run must not wait for ever
      throw e;
    }
  }

  /** Threads that compute, the caller among them. */
  int size() {
    return threads.length + 1;
  }

  /**
   * Runs the task for every index from 0 to {@code count - 1} and returns when all are done.
   *
   * @throws RuntimeException what a task threw; the remaining indices may then not have run
   * @throws IllegalStateException if the pool is closed, or runs something already
   */
  void run(int count, Task work) {
    if (!state.compareAndSet(State.IDLE, State.RUNNING)) {
      throw new IllegalStateException(
          state.get() == State.CLOSED
              ? "The session is closed"
              : "The session computes already: one thread at a time may use it");
    }
    runner = Thread.currentThread();
    try {
      runOpen(count, work);
    } finally {
      runner = null;
      state.set(State.IDLE);
    }
  }

  private void runOpen(int count, Task work) {
    if (threads.length == 0 || count == 1) {
      for (int i = 0; i < count; i++) {
        work.run(i, 0);
      }
      return;
    }
    task = work;
    tasks = count;
    next.set(0);
    // No more are woken than there is work for.
    int needed = Math.min(threads.length, count - 1);
    running.set(needed);
    order.set((((order.get() >>> WORKER_BITS) + 1) << WORKER_BITS) + needed);
    for (int i = 0; i < needed; i++) {
      LockSupport.unpark(threads[i]);
    }
    claim(work, count, 0);
    awaitWorkers();
    Throwable thrown = failure.getAndSet(null);
    if (thrown instanceof RuntimeException e) {
      throw e;
    }
    if (thrown instanceof Error e) {
      throw e;
    }
  }

  @SuppressWarnings("ThreadPriorityCheck") // nothing depends on the yield but the time it takes
  private void awaitWorkers() {
    long start = System.nanoTime();
    while (running.get() > 0) {
      if (System.nanoTime() - start < SPIN_NANOS) {
        Thread.onSpinWait();
      } else {
        // A worker may wait for this very core, where there are more threads than cores.
        Thread.yield();
      }
    }
  }

  private void claim(Task work, int count, int worker) {
    try {
      for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
        work.run(i, worker);
      }
    } catch (RuntimeException | Error e) {
      failure.compareAndSet(null, e);
      next.set(count);
    }
  }

  private void loop(int worker) {
    long seen = 0;
    while (true) {
      seen = await(seen);
      if (closed) {
        return;
      }
      if (worker > (seen & ((1 << WORKER_BITS) - 1))) {
        continue; // not needed
      }
      Task work = task;
      if (work != null) {
        claim(work, tasks, worker);
      }
      running.decrementAndGet();
    }
  }

  private long await(long seen) {
    long start = System.nanoTime();
    while (order.get() == seen && !closed) {
      if (System.nanoTime() - start < SPIN_NANOS) {
        Thread.onSpinWait();
      } else {
        LockSupport.park(this);
      }
    }
    return order.get();
  }

  /**
   * Waits for the run at hand, if another thread has begun one, then stops the workers and waits
   * for them.
   *
   * @throws IllegalStateException if a task of the run at hand calls it, which would wait for
   *     itself
   */
  @Override
  public void close() {
    boolean interrupted = awaitRun();
    closed = true;
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
    }
    for (Thread thread : threads) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Once this returns no run can begin; says whether the thread was interrupted meanwhile. */
  private boolean awaitRun() {
    boolean interrupted = false;
    while (!state.compareAndSet(State.IDLE, State.CLOSED) && state.get() != State.CLOSED) {
      Thread self = Thread.currentThread();
      if (self == runner || List.of(threads).contains(self)) {
        throw new IllegalStateException("A pass can't close the session that runs it");
      }
      LockSupport.parkNanos(this, CLOSING_NANOS);
      interrupted |= Thread.interrupted();
    }
    return interrupted;
  }
}
