package dev.nibble.engine.infer;

import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A thread that waits for a context or works on one: a caller or a helper. What it was given is
 * written under the lock of {@link ContextPool}, the context last.
 */
final class Worker {
  private volatile @Nullable Thread thread;
  private volatile @Nullable InferenceContext context;
  private volatile boolean stopped;

  /** What it works on. */
  @Nullable Call call;

  /** Whom it assists instead; null while it works on a call. */
  @Nullable Team team;

  /** First picture of what it has claimed. */
  int from;

  /** Pictures that it has claimed. */
  int pictures;

  /** The calling thread will wait here, for a call of its own. */
  void enter(Call own) {
    thread = Thread.currentThread();
    call = own;
  }

  /** The calling thread will wait here. */
  void enter() {
    thread = Thread.currentThread();
  }

  void leave() {
    thread = null;
    call = null;
  }

  /** Hands it a context. */
  void give(InferenceContext granted) {
    context = granted;
    wake();
  }

  void stop() {
    stopped = true;
    wake();
  }

  void wake() {
    LockSupport.unpark(thread);
  }

  /** Waits for a context; null once it was stopped. */
  @Nullable InferenceContext await() {
    boolean interrupted = false;
    InferenceContext granted = context;
    while (granted == null && !stopped) {
      LockSupport.park(this);
      // Remembered for later: a prediction is too short to be given up.
      interrupted |= Thread.interrupted();
      granted = context;
    }
    context = null;
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return granted;
  }
}
