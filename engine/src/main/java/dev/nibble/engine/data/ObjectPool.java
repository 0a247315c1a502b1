package dev.nibble.engine.data;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * Scratch objects that concurrent readers borrow and give back; grows to the largest number of
 * readers at once, then allocates nothing.
 */
final class ObjectPool<T> {
  private final List<T> free = new ArrayList<>();
  private final Supplier<T> factory;

  ObjectPool(Supplier<T> factory) {
    this.factory = factory;
  }

  synchronized T borrow() {
    return free.isEmpty() ? factory.get() : free.removeLast();
  }

  synchronized void giveBack(T scratch) {
    free.add(scratch);
  }
}
