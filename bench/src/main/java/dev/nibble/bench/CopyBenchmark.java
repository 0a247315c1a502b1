package dev.nibble.bench;

import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.Slab;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The bandwidth roof: a copy from memory to memory, far larger than the caches, {@link #BYTES} read
 * and written a call and thread, between slabs as a session has them.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class CopyBenchmark {
  /** Bytes moved by one call of one thread: half of them read, half written. */
  static final long BYTES = 512L << 20;

  private final MemoryAccount account = MemoryAccount.root("copy", MemoryAccount.UNLIMITED);

  @SuppressWarnings("NullAway.Init") // set by open()
  private Slab from;

  @SuppressWarnings("NullAway.Init") // set by open()
  private Slab to;

  /** Touches every page. */
  @Setup(Level.Trial)
  public void open() {
    from = Slab.allocate(account, BYTES / 2, "source");
    to = Slab.allocate(account, BYTES / 2, "target");
    from.segment().fill((byte) 1);
    to.segment().fill((byte) 2);
  }

  /** The copy. */
  @Benchmark
  public MemorySegment copy() {
    return to.segment().copyFrom(from.segment());
  }

  /** Frees both. */
  @TearDown(Level.Trial)
  public void close() {
    from.close();
    to.close();
    account.close();
  }
}
