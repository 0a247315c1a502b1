package dev.nibble.bench;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.infra.ThreadParams;

/**
 * Counts what all threads allocate on the heap while an iteration's calls run. JMH's own profiler
 * counts what JMH allocates around them, too: some KiB an iteration, which looks like much where an
 * iteration is a few long calls.
 */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.EVENTS)
public class HeapCounter {
  /** Bytes allocated in the iteration, an equal share a thread. */
  public long heapBytes;

  /** Calls in the iteration; the benchmark counts them. */
  public long heapCalls;

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private long start;

  /** Starts counting. */
  @Setup(Level.Iteration)
  public void begin() {
    heapCalls = 0;
    start = threads.getTotalThreadAllocatedBytes();
  }

  /** Ends counting. */
  @TearDown(Level.Iteration)
  public void end(ThreadParams params) {
    heapBytes = (threads.getTotalThreadAllocatedBytes() - start) / params.getThreadCount();
  }
}
