package dev.nibble.engine.exec;

import java.lang.reflect.Method;
import java.util.List;

/**
 * Bytes that the JVM has allocated. By reflection, because a module that needs no management to run
 * should not require it for its tests' sake.
 */
public final class HeapMeter {
  private final Object threads;
  private final Method allocated;

  /** Finds the JVM's counters. */
  public HeapMeter() throws ReflectiveOperationException {
    threads = factory().getMethod("getThreadMXBean").invoke(null);
    allocated =
        Class.forName("com.sun.management.ThreadMXBean").getMethod("getTotalThreadAllocatedBytes");
  }

  private static Class<?> factory() throws ClassNotFoundException {
    return Class.forName("java.lang.management.ManagementFactory");
  }

  /** Heap bytes that all threads, ended ones too, have allocated since the JVM started. */
  public long allocatedBytes() throws ReflectiveOperationException {
    return (long) allocated.invoke(threads);
  }

  /** Off-heap bytes that arenas and direct buffers hold now; mapped memory is not counted. */
  public static long directBytes() throws ReflectiveOperationException {
    Class<?> pool = Class.forName("java.lang.management.BufferPoolMXBean");
    List<?> pools =
        (List<?>) factory().getMethod("getPlatformMXBeans", Class.class).invoke(null, pool);
    for (Object bean : pools) {
      if (pool.getMethod("getName").invoke(bean).equals("direct")) {
        return (long) pool.getMethod("getMemoryUsed").invoke(bean);
      }
    }
    throw new AssertionError("This JVM does not count direct memory");
  }
}
