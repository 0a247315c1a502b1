package dev.nibble.bench;

import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.provider.KernelProvider;
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

/** Forward passes with running statistics. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 3)
@Measurement(iterations = 5, time = 2)
@Fork(
    value = 1,
    jvmArgsAppend = {
      "--add-modules=jdk.incubator.vector",
      "--enable-native-access=ALL-UNNAMED",
      "-Xmx1g"
    })
public class InferenceBenchmark {
  @Param({"resnet20", "resnet164"})
  String model = "resnet20";

  @Param({"1", "128"})
  int batch = 128;

  @Param("2")
  int threads = 2;

  @SuppressWarnings("NullAway.Init") // set by open()
  private StepSession session;

  /** Opens the session. */
  @Setup(Level.Trial)
  public void open() {
    session = new StepSession(model, batch, StoreFormat.NONE, threads, KernelProvider.choose(null));
  }

  /** One call. */
  @Benchmark
  public float predict(HeapCounter heap) {
    heap.heapCalls++;
    return session.predict();
  }

  /** Frees the session. */
  @TearDown(Level.Trial)
  public void close() {
    session.close();
  }
}
