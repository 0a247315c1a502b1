package dev.nibble.engine.data.loading;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.events.DataWaitEvent;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Hands slots from the loader's thread to the trainer and back: each slot is free, being filled,
 * ready, or taken. Uses the object's own monitor because waiting on it allocates nothing.
 */
final class BatchQueue {
  private enum State {
    FREE,
    FILLING,
    READY,
    TAKEN
  }

  private final BatchSlot[] slots;
  private final State[] states;

  /** Ready slots in the order of their steps: a ring. */
  private final int[] ready;

  private int firstReady;
  private int readyCount;
  private boolean finished;
  private boolean closed;
  private @Nullable Throwable failure;
  private long waitNanos;
  private final DataWaitEvent event = new DataWaitEvent();

  BatchQueue(List<BatchSlot> slots) {
    this.slots = slots.toArray(BatchSlot[]::new);
    this.states = new State[this.slots.length];
    Arrays.fill(states, State.FREE);
    this.ready = new int[this.slots.length];
  }

  /** Waits for a free slot; null once the queue is closed. */
  synchronized @Nullable BatchSlot takeFree() throws InterruptedException {
    while (!closed) {
      for (int i = 0; i < states.length; i++) {
        if (states[i] == State.FREE) {
          states[i] = State.FILLING;
          return slots[i];
        }
      }
      wait();
    }
    return null;
  }

  synchronized void putReady(BatchSlot slot) {
    int i = indexOf(slot, State.FILLING);
    states[i] = State.READY;
    ready[(firstReady + readyCount++) % ready.length] = i;
    notifyAll();
  }

  /** Tells takers that nothing comes after what is ready, and why if it is a failure. */
  synchronized void finish(@Nullable Throwable cause) {
    finished = true;
    failure = cause;
    notifyAll();
  }

  /** Waits for the next ready slot; null at the end. */
  synchronized @Nullable BatchSlot takeReady() {
    boolean waited = readyCount == 0 && !finished && !closed;
    boolean recorded = waited && event.isEnabled();
    if (waited) {
      event.begin();
      awaitReady();
      event.end();
    }
    if (closed) {
      throw new IllegalStateException("The data loader is closed");
    }
    if (readyCount == 0) {
      Throwable cause = failure;
      if (cause instanceof DataException e) {
        throw e;
      }
      if (cause != null) {
        throw new DataException("The data loader failed: " + cause + ".", cause);
      }
      return null;
    }
    int i = ready[firstReady];
    firstReady = (firstReady + 1) % ready.length;
    readyCount--;
    states[i] = State.TAKEN;
    BatchSlot slot = slots[i];
    if (recorded && event.shouldCommit()) {
      event.batch(slot.step(), slot.count(), (long) slot.count() * slot.pictureBytes());
      event.commit();
    }
    return slot;
  }

  private synchronized void awaitReady() {
    long start = System.nanoTime();
    try {
      while (readyCount == 0 && !finished && !closed) {
        wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DataException("Interrupted while waiting for a batch.", e);
    } finally {
      waitNanos += System.nanoTime() - start;
    }
  }

  synchronized void release(BatchSlot slot) {
    states[indexOf(slot, State.TAKEN)] = State.FREE;
    notifyAll();
  }

  private int indexOf(BatchSlot slot, State state) {
    for (int i = 0; i < slots.length; i++) {
      if (slots[i] == slot && states[i] == state) {
        return i;
      }
    }
    throw new IllegalArgumentException(
        "This slot is not " + state.name().toLowerCase(Locale.ROOT) + " in this loader");
  }

  synchronized void close() {
    closed = true;
    notifyAll();
  }

  synchronized boolean isClosed() {
    return closed;
  }

  synchronized long waitNanos() {
    return waitNanos;
  }
}
