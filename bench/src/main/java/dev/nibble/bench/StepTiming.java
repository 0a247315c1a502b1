package dev.nibble.bench;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.plan.StepTraffic;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.ByteSize;
import dev.nibble.memory.MemoryAccount;
import java.util.Arrays;
import java.util.Locale;

/**
 * Times whole training steps and prints one JSON line, like the peer's script does, so that both
 * can run in turn: {@code StepTiming MODEL BATCH THREADS fp32|int8|int4|int2 [STEPS [WARMUP
 * [MEMORY_LIMIT|- [SIZE]]]]}, with a size such as 224x224 where it is not the usual one. The
 * traffic is that of {@link StepTraffic}; the excess is what the warm-up steps took longer than as
 * many steps at the median.
 */
public final class StepTiming {
  private StepTiming() {}

  /** Runs the program. */
  public static void main(String[] args) {
    if (args.length < 4) {
      System.err.println(
          "usage: StepTiming MODEL BATCH THREADS fp32|int8|int4|int2"
              + " [STEPS [WARMUP [MEMORY_LIMIT|- [SIZE]]]]");
      System.exit(2);
    }
    String model = args[0];
    int batch = Integer.parseInt(args[1]);
    int threads = Integer.parseInt(args[2]);
    StoreFormat store = StoreFormat.valueOf(args[3].toUpperCase(Locale.ROOT));
    int steps = args.length > 4 ? Integer.parseInt(args[4]) : 10;
    int warmup = args.length > 5 ? Integer.parseInt(args[5]) : 10;
    long limit =
        args.length > 6 && !args[6].equals("-") ? ByteSize.parse(args[6]) : MemoryAccount.UNLIMITED;
    Network network = BenchNetworks.of(model, args.length > 7 ? args[7] : "");
    Kernels kernels = BenchKernels.choose();
    try (StepSession session = new StepSession(network, batch, store, threads, kernels, limit)) {
      double[] all = new double[warmup + steps];
      double loss = 0;
      for (int i = 0; i < all.length; i++) {
        long start = System.nanoTime();
        loss = session.step();
        all[i] = (System.nanoTime() - start) / 1e9;
      }
      double[] seconds = Arrays.copyOfRange(all, warmup, all.length);
      Arrays.sort(seconds);
      double median = (seconds[(steps - 1) / 2] + seconds[steps / 2]) / 2;
      double excess = Arrays.stream(all, 0, warmup).sum() - warmup * median;
      StepTraffic traffic = StepTraffic.of(session.session().plan());
      System.out.printf(
          Locale.ROOT,
          "{\"model\": \"%s\", \"size\": \"%dx%d\", \"batch\": %d, \"threads\": %d, \"activations\": \"%s\","
              + " \"kernels\": \"%s\", \"step_seconds\": %.4f, \"fastest\": %.4f, \"slowest\": %.4f,"
              + " \"first_seconds\": %.4f, \"warmup_excess_seconds\": %.4f,"
              + " \"images_per_second\": %.1f, \"plan_mib\": %.1f, \"moved_mib\": %.1f,"
              + " \"minimum_mib\": %.1f, \"loss\": %.4f}%n",
          model,
          network.input().height(),
          network.input().width(),
          batch,
          threads,
          args[3],
          session.session().kernelsDescription(),
          median,
          seconds[0],
          seconds[steps - 1],
          all[0],
          excess,
          batch / median,
          session.session().usedBytes() / 1048576.0,
          traffic.moved() / 1048576.0,
          traffic.minimum() / 1048576.0,
          loss);
    }
  }
}
