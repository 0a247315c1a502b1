package dev.nibble.kernels.cublas;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Devices' primary contexts, and the stack of them that each thread has, whose top is current. A
 * context that is retained anew after its last release is another one. A thread is the system's: a
 * virtual one has the context of its carrier. Whoever uses this holds the {@link StandInGate}.
 */
final class StandInContexts {
  private final Map<Integer, Integer> retained = new HashMap<>();
  private final Map<Integer, Long> handles = new HashMap<>();
  private final Map<Long, Deque<Long>> stacks = new HashMap<>();
  private final Set<Long> excused = new HashSet<>();
  private final MethodHandle self = self();
  private long next = 0xC_0000;

  @SuppressWarnings("restricted") // a function of the system's without a side effect
  private static MethodHandle self() {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow("pthread_self"), FunctionDescriptor.of(JAVA_LONG));
  }

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
  boolean push(long context) {
    if (!handles.containsValue(context)) {
      return false;
    }
    stack().push(context);
    excused.remove(thread());
    return true;
  }

  /** The context that the calling thread gave up; 0 where it had none. */
  long pop() {
    Long context = stack().poll();
    return context == null ? 0 : context;
  }

  /** The calling thread's attempt was made to fail: what follows on it is no mistake of its own. */
  void excuse() {
    excused.add(thread());
  }

  boolean isExcused() {
    return excused.contains(thread());
  }

  /** The calling thread's; 0 for none. */
  long current() {
    Long context = stack().peek();
    return context == null ? 0 : context;
  }

  boolean isCurrent() {
    return handles.containsValue(current());
  }

  /** Whether a thread has a context that ended: the driver leaves it current, and of no use. */
  boolean isStale() {
    return stacks.values().stream().anyMatch(stack -> !handles.values().containsAll(stack));
  }

  private Deque<Long> stack() {
    return stacks.computeIfAbsent(thread(), id -> new ArrayDeque<>());
  }

  private long thread() {
    try {
      return (long) self.invokeExact();
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  List<String> left() {
    List<String> left = new ArrayList<>();
    retained.forEach((device, count) -> left.add("context of device %d".formatted(device)));
    stacks
        .values()
        .forEach(stack -> stack.forEach(id -> left.add("current context %x".formatted(id))));
    return left;
  }
}
