package dev.nibble.bench;

import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.memory.MemoryAccount;
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

/** Calls of a predictor: batch norm folded, weights packed once. */
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

  private final MemoryAccount account = MemoryAccount.root("bench", MemoryAccount.UNLIMITED);
  private float[] pictures = {};
  private float[] logits = {};

  @SuppressWarnings("NullAway.Init") // set by open()
  private Predictor predictor;

  /** Opens the predictor, and has its call compiled. */
  @Setup(Level.Trial)
  public void openCompiled() {
    open();
    WarmUp.untilCompiled(() -> predictor.predict(pictures, batch, logits));
  }

  /** Opens the predictor. */
  void open() {
    PredictorOptions options = PredictorOptions.defaults().withThreads(threads);
    predictor = InferenceTiming.predictor(model, options, BenchKernels.choose(), account);
    pictures = InferenceTiming.pictures(batch * predictor.input().values());
    logits = new float[batch * predictor.classes()];
  }

  /** One call. */
  @Benchmark
  public float predict(HeapCounter heap) {
    heap.heapCalls++;
    predictor.predict(pictures, batch, logits);
    return logits[0];
  }

  /** Frees the predictor. */
  @TearDown(Level.Trial)
  public void close() {
    predictor.close();
    account.close();
  }
}
