package dev.nibble.bench;

import dev.nibble.engine.exec.Initializer;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.SessionOptions;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * Times calls of a predictor and prints one JSON line, like {@code onnxruntime_inference.py} does:
 * {@code InferenceTiming MODEL BATCH THREADS [CALLS [WARMUP [AT_ONCE]]]}.
 */
public final class InferenceTiming {
  private InferenceTiming() {}

  /** Runs the program. */
  public static void main(String[] args) {
    if (args.length < 3) {
      System.err.println("usage: InferenceTiming MODEL BATCH THREADS [CALLS [WARMUP [AT_ONCE]]]");
      System.exit(2);
    }
    String model = args[0];
    int batch = Integer.parseInt(args[1]);
    int threads = Integer.parseInt(args[2]);
    int calls = args.length > 3 ? Integer.parseInt(args[3]) : 200;
    int warmup = args.length > 4 ? Integer.parseInt(args[4]) : 200;
    int atOnce = args.length > 5 ? Integer.parseInt(args[5]) : 0;
    Kernels kernels = BenchKernels.choose();
    PredictorOptions options =
        PredictorOptions.defaults().withThreads(threads).withPicturesAtOnce(atOnce);
    try (MemoryAccount account = MemoryAccount.root("bench", MemoryAccount.UNLIMITED);
        Predictor predictor = predictor(model, options, kernels, account)) {
      float[] pictures = pictures(batch * predictor.input().values());
      float[] logits = new float[batch * predictor.classes()];
      double[] seconds = new double[calls];
      for (int i = -warmup; i < calls; i++) {
        long start = System.nanoTime();
        predictor.predict(pictures, batch, logits);
        if (i >= 0) {
          seconds[i] = (System.nanoTime() - start) / 1e9;
        }
      }
      Arrays.sort(seconds);
      double median = seconds[calls / 2];
      System.out.printf(
          Locale.ROOT,
          "{\"model\": \"%s\", \"batch\": %d, \"threads\": %d, \"kernels\": \"%s\","
              + " \"pictures_at_once\": %d, \"seconds\": %.6f, \"fastest\": %.6f, \"p99\": %.6f,"
              + " \"images_per_second\": %.1f, \"used_mib\": %.1f}%n",
          model,
          batch,
          threads,
          kernels.description(),
          predictor.picturesAtOnce(),
          median,
          seconds[0],
          seconds[(int) (0.99 * (calls - 1))],
          batch / median,
          predictor.usedBytes() / 1048576.0);
    }
  }

  /** A predictor of random weights: the arithmetic does not depend on them. */
  static Predictor predictor(
      String model, PredictorOptions options, Kernels kernels, MemoryAccount account) {
    Network network = BenchNetworks.of(model);
    ExecutionPlan plan = ExecutionPlan.of(network, PlanOptions.inference(1));
    try (Session session = Session.open(plan, SessionOptions.of(1), kernels, account)) {
      Initializer.initialize(session, 1);
      return Predictor.of(session.network(), session::values, options, session.kernels(), account);
    }
  }

  /** Random values of -1 to 1. */
  static float[] pictures(int values) {
    SplittableRandom random = new SplittableRandom(2);
    float[] pictures = new float[values];
    for (int i = 0; i < values; i++) {
      pictures[i] = (float) (random.nextDouble() * 2 - 1);
    }
    return pictures;
  }
}
