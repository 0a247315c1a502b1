package dev.nibble.bench;

import dev.nibble.kernels.StoreFormat;
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
 * Whole training steps, batch 128 unless told otherwise: {@code -p model=resnet1001 -p batch=64}.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 5, time = 3)
@Measurement(iterations = 5, time = 3)
@Fork(
    value = 1,
    jvmArgsAppend = {
      "--add-modules=jdk.incubator.vector",
      "--enable-native-access=ALL-UNNAMED",
      "-Xmx1g"
    })
public class StepBenchmark {
  @Param({"resnet20", "resnet56", "resnet164"})
  String model = "resnet20";

  @Param({"FP32", "INT8", "INT4", "INT2"})
  StoreFormat store = StoreFormat.INT4;

  @Param("128")
  int batch = 128;

  @Param("2")
  int threads = 2;

  @SuppressWarnings("NullAway.Init") // set by open()
  private StepSession session;

  /** Opens the session, and has its step compiled. */
  @Setup(Level.Trial)
  public void open() {
    session = new StepSession(model, batch, store, threads, BenchKernels.choose());
    WarmUp.untilCompiled(session::step);
  }

  /** Forward, loss, backward, optimiser. */
  @Benchmark
  public double train(HeapCounter heap) {
    heap.heapCalls++;
    return session.step();
  }

  /** Frees the session. */
  @TearDown(Level.Trial)
  public void close() {
    session.close();
  }
}
