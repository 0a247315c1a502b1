package dev.nibble.engine.data.storage;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * Scratch objects that concurrent readers borrow and give back; grows to the largest number of
 * readers at once, then allocates nothing.
 */
public final class ObjectPool<T> {
  private final List<T> free = new ArrayList<>();
  private final Supplier<T> factory;

  public ObjectPool(Supplier<T> factory) {
    this.factory = factory;
  }

  public synchronized T borrow() {
    return free.isEmpty() ? factory.get() : free.removeLast();
  }

  public synchronized void giveBack(T scratch) {
    free.add(scratch);
  }
}
