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
import org.openjdk.jmh.infra.BenchmarkParams;

/**
 * The loops around the codes alone: batch norm, ReLU and packing; restoring. One picture of
 * 32x32x16 stays in the second-level cache; 2,048 of them (128 MiB) come from memory.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class CodeBenchmark {
  @Param({"INT8", "INT4", "INT2"})
  StoreFormat store = StoreFormat.INT4;

  @Param({"1", "2048"})
  int pictures = 1;

  @SuppressWarnings("NullAway.Init") // set by open()
  private CodeFixture codes;

  /** Fills the buffers, and has the method compiled. */
  @Setup(Level.Trial)
  public void open(BenchmarkParams benchmark) {
    codes = new CodeFixture(KernelProvider.choose("vector"), store, pictures);
    WarmUp.untilCompiled(benchmark.getBenchmark().endsWith(".pack") ? codes::pack : codes::unpack);
  }

  /** fp32 to codes, through batch norm and ReLU. */
  @Benchmark
  public float pack(HeapCounter heap) {
    heap.heapCalls++;
    return codes.pack();
  }

  /** Codes to fp32 activations. */
  @Benchmark
  public float unpack(HeapCounter heap) {
    heap.heapCalls++;
    return codes.unpack();
  }

  /** Frees the buffers. */
  @TearDown(Level.Trial)
  public void close() {
    codes.close();
  }
}
