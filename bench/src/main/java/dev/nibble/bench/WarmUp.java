package dev.nibble.bench;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/**
 * Calls what will be measured until the JVM has compiled it: code of the Vector API that is not yet
 * compiled puts every vector on the heap, so a call that still allocates tells, and one that still
 * gets faster.
 */
final class WarmUp {
  /** What a call of compiled code may allocate: a steady one allocates some bytes at most. */
  static final long COMPILED_BYTES = 1024;

  /** The longest wait; who measures leaves out what is not compiled by then. */
  private static final double MOST_SECONDS = 60;

  private static final double WINDOW_SECONDS = 0.4;
  private static final int WINDOW_CALLS = 2;

  /** A window that is faster than the one before by more than this is not the last. */
  private static final double STEADY = 0.95;

  private WarmUp() {}

  /** Whether what was measured was still being compiled. */
  static boolean stillCompiling(Measurement measurement) {
    return measurement.allocatedBytes() > COMPILED_BYTES;
  }

  /** Calls until two windows of calls allocate next to nothing and take the same time. */
  static void untilCompiled(Runnable call) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long start = System.nanoTime();
    double before = Double.NaN;
    while ((System.nanoTime() - start) / 1e9 < MOST_SECONDS) {
      long allocated = threads.getTotalThreadAllocatedBytes();
      long begin = System.nanoTime();
      int calls = 0;
      double seconds;
      do {
        call.run();
        calls++;
        seconds = (System.nanoTime() - begin) / 1e9;
      } while (calls < WINDOW_CALLS || seconds < WINDOW_SECONDS);
      boolean boxed = threads.getTotalThreadAllocatedBytes() - allocated > calls * COMPILED_BYTES;
      double perCall = seconds / calls;
      // A first window has none to compare with: NaN is never at most anything.
      if (!boxed && before * STEADY <= perCall) {
        return;
      }
      before = boxed ? Double.NaN : perCall;
    }
  }
}
