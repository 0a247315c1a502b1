package dev.nibble.bench.peers;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The peer inside the JVM: DJL 0.36.0 with its PyTorch 2.7.1 engine, the same ResNets.
 *
 * <pre>
 * mvn -Ppeers -pl bench -am package -DskipTests
 * java -jar bench/target/benchmarks.jar DjlBenchmark
 * </pre>
 *
 * The profile brings the engine's libraries (110 MB, Linux on x86-64) into the jar; nothing is
 * fetched when it runs, and they are unpacked into {@code bench/target/djl}.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 4, time = 3)
@Measurement(iterations = 4, time = 3)
@Fork(
    value = 1,
    jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-Xmx1g"})
public class DjlBenchmark {
  @Param("20")
  int depth = 20;

  @Param("128")
  int batch = 128;

  @Param("2")
  int threads = 2;

  @SuppressWarnings("NullAway.Init") // set by open()
  private DjlSession session;

  /** Starts the engine. */
  @Setup(Level.Trial)
  public void open() {
    session = new DjlSession(depth, batch, threads);
  }

  /** Forward, loss, backward, optimiser. */
  @Benchmark
  public float train() {
    return session.step();
  }

  /** Forward with running statistics. */
  @Benchmark
  public float predict() {
    return session.predict();
  }

  /** Frees the arrays. */
  @TearDown(Level.Trial)
  public void close() {
    session.close();
  }
}
