package dev.nibble.kernels.cublas;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Devices' primary contexts, and which of them each thread has made its own. A context that is
 * retained anew after its last release is another one. Whoever uses this holds the {@link
 * StandInGate}.
 */
final class StandInContexts {
  private final Map<Integer, Integer> retained = new HashMap<>();
  private final Map<Integer, Long> handles = new HashMap<>();
  private final Map<Long, Long> current = new HashMap<>();
  private final Set<Long> excused = new HashSet<>();
  private long next = 0xC_0000;

  long retain(int device) {
    if (retained.merge(device, 1, Integer::sum) == 1) {
      next += 16;
      handles.put(device, next);
    }
    return handles.getOrDefault(device, 0L);
  }

  /** How often the context is still retained, or -1 where it was not. */
  int release(int device) {
    if (!retained.containsKey(device)) {
      return -1;
    }
    int left = retained.merge(device, -1, Integer::sum);
    if (left == 0) {
      retained.remove(device);
      handles.remove(device);
    }
    return left;
  }

  /** Whether it could be made the calling thread's. */
  boolean setCurrent(long context) {
    if (context != 0 && !handles.containsValue(context)) {
      return false;
    }
    current.put(thread(), context);
    return true;
  }

  /** The calling thread's attempt was made to fail: what follows on it is no mistake of its own. */
  void excuse() {
    excused.add(thread());
  }

  boolean isExcused() {
    return excused.contains(thread());
  }

  boolean isCurrent() {
    return handles.containsValue(current.getOrDefault(thread(), 0L));
  }

  /** Whether the calling thread has a context at all, be it one that is gone. */
  boolean isAnyCurrent() {
    return current.getOrDefault(thread(), 0L) != 0;
  }

  private static long thread() {
    return Thread.currentThread().threadId();
  }

  List<String> left() {
    List<String> left = new ArrayList<>();
    retained.forEach((device, count) -> left.add("context of device %d".formatted(device)));
    return left;
  }
}
