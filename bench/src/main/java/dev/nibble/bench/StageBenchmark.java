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
import org.openjdk.jmh.infra.BenchmarkParams;

/**
 * Whole BN-ReLU-convolution stages, {@code batch} pictures a call and thread; {@code -t 2} runs two
 * threads side by side, each on buffers of its own, as a step does.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class StageBenchmark {
  @Param({
    "32x32x16-3x3-s1-16",
    "16x16x32-3x3-s1-32",
    "8x8x64-3x3-s1-64",
    "32x32x64-1x1-s1-16",
    "32x32x16-1x1-s1-64",
    "8x8x256-1x1-s1-64"
  })
  String shape = "32x32x16-3x3-s1-16";

  /** KEPT measures a first or last layer: no batch norm, no ReLU, no copy. */
  @Param({"FP32", "INT8", "INT4", "INT2"})
  StoreFormat store = StoreFormat.INT4;

  @Param("64")
  int batch = 64;

  @SuppressWarnings("NullAway.Init") // set by open()
  private StageFixture stage;

  /** Fills the buffers, and has the pass compiled. */
  @Setup(Level.Trial)
  public void open(BenchmarkParams benchmark) {
    stage =
        new StageFixture(BenchKernels.choose(), StageShape.parse(shape).operator(), store, batch);
    boolean forward = benchmark.getBenchmark().endsWith(".forward");
    WarmUp.untilCompiled(forward ? stage::forward : stage::backward);
  }

  /** The stage forward. */
  @Benchmark
  public float forward(HeapCounter heap) {
    heap.heapCalls++;
    return stage.forward();
  }

  /** The stage backward. */
  @Benchmark
  public float backward(HeapCounter heap) {
    heap.heapCalls++;
    return stage.backward();
  }

  /** Frees the buffers. */
  @TearDown(Level.Trial)
  public void close() {
    stage.close();
  }
}
