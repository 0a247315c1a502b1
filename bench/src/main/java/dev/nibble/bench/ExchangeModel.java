package dev.nibble.bench;

import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.SessionOptions;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import java.util.Locale;

/**
 * Counts what workers exchange in a step, and says how long the step would take: {@code
 * ExchangeModel MODEL BATCH SHARED_MS WHOLE_MS SMALL_US MESSAGE_US GBITS...} prints rows of a table
 * for 2 to 256 workers.
 *
 * <p>A step of a batch takes one worker {@code WHOLE_MS}, which every worker does whole (weights'
 * packing, the loss, the optimiser), and {@code SHARED_MS}, which they share. Of that the way back,
 * two thirds, hides bulk that is under way. An exchange that is waited for takes {@code SMALL_US}
 * between two workers and {@code MESSAGE_US} more for each further one, and its bytes at the line's
 * rate. More than 32 workers, which the engine does not take, are counted by the rule that 16 and
 * 32 follow.
 */
public final class ExchangeModel {
  private static final double BACKWARD = 2.0 / 3;

  private final Network network;
  private final int batch;
  private final Kernels kernels;

  private ExchangeModel(Network network, int batch, Kernels kernels) {
    this.network = network;
    this.batch = batch;
    this.kernels = kernels;
  }

  /** What a worker sends in a step. */
  record Volume(int awaited, double awaitedBytes, int bulk, double bulkBytes) {}

  /**
   * Times in seconds, and a rate.
   *
   * @param shared computed by one worker alone, where several share it
   * @param whole computed by every worker
   * @param small an exchange between two workers
   * @param message a further worker's message
   * @param rate bytes a second, each way
   */
  record Machine(double shared, double whole, double small, double message, double rate) {}

  /** Runs the program. */
  public static void main(String[] args) {
    if (args.length < 7) {
      System.err.println(
          "usage: ExchangeModel MODEL BATCH SHARED_MS WHOLE_MS SMALL_US MESSAGE_US GBITS...");
      System.exit(2);
    }
    int batch = Integer.parseInt(args[1]);
    ExchangeModel model =
        new ExchangeModel(BenchNetworks.of(args[0]), batch, BenchKernels.choose());
    for (int workers = 2; workers <= 256; workers *= 2) {
      Volume volume = model.volume(workers);
      StringBuilder row = new StringBuilder();
      row.append(
          String.format(
              Locale.ROOT,
              "| %d | %d | %.0f | %d | %.0f |",
              workers,
              volume.awaited(),
              volume.awaitedBytes(),
              volume.bulk(),
              volume.bulkBytes()));
      for (int i = 6; i < args.length; i++) {
        Machine machine =
            new Machine(
                Double.parseDouble(args[2]) / 1e3,
                Double.parseDouble(args[3]) / 1e3,
                Double.parseDouble(args[4]) / 1e6,
                Double.parseDouble(args[5]) / 1e6,
                Double.parseDouble(args[i]) * 1e9 / 8);
        double alone = machine.shared() + machine.whole();
        double split = seconds(volume, machine, workers, 1.0 / workers);
        double grown = seconds(volume, machine, workers, 1);
        row.append(
            String.format(
                Locale.ROOT,
                " %.2f (%.2f) | %.2f (%.2f) |",
                1e3 * split,
                alone / split / workers,
                1e3 * grown,
                alone / grown));
      }
      System.out.println(row);
    }
  }

  /** A step's time where each worker computes that share of what one alone would. */
  static double seconds(Volume volume, Machine machine, int workers, double share) {
    double awaited =
        volume.awaited() * (machine.small() + (workers - 2) * machine.message())
            + volume.awaitedBytes() / machine.rate();
    double bulk =
        volume.bulk() * (workers - 1) * machine.message() + volume.bulkBytes() / machine.rate();
    double computed = share * machine.shared();
    return machine.whole() + computed + awaited + Math.max(0, bulk - BACKWARD * computed);
  }

  /** What the last worker but one sends: the last of all may have less. */
  Volume volume(int workers) {
    if (workers > Workers.MOST) {
      return extrapolated(
          counted(Workers.MOST / 2),
          Workers.MOST / 2,
          counted(Workers.MOST),
          Workers.MOST,
          workers);
    }
    return counted(workers);
  }

  /**
   * Of what is sent whole every further worker gets as much; slices become smaller as there are
   * more, {@code (workers - 1) / workers} of the weights twice.
   */
  static Volume extrapolated(Volume half, int few, Volume full, int many, int workers) {
    double awaited = full.awaitedBytes() / (many - 1);
    // bulk(n) = whole * (n - 1) + sliced * (n - 1) / n, so bulk(n) / (n - 1) is linear in 1 / n.
    double a = half.bulkBytes() / (few - 1);
    double b = full.bulkBytes() / (many - 1);
    double sliced = (a - b) / (1.0 / few - 1.0 / many);
    double whole = b - sliced / many;
    double bulk = (workers - 1) * (whole + sliced / workers);
    return new Volume(full.awaited(), awaited * (workers - 1), full.bulk(), bulk);
  }

  private Volume counted(int workers) {
    Workers who = new Workers(workers - 2, workers, 1, false);
    PlanOptions options = PlanOptions.training(batch, StoreFormat.INT4, false).withWorkers(who);
    CountedExchanges counted = new CountedExchanges(who.rank(), workers);
    MemoryAccount account = MemoryAccount.root("volume", MemoryAccount.UNLIMITED);
    SessionOptions run = SessionOptions.of(1).with(counted);
    try (Session session =
        Session.open(ExecutionPlan.of(network, options), run, kernels, account)) {
      if (session.share().isWhole()) {
        throw new IllegalStateException("The workers share nothing");
      }
      return new Volume(
          counted.awaited(), counted.awaitedBytes(), counted.bulk(), counted.bulkBytes());
    } finally {
      account.close();
    }
  }
}
