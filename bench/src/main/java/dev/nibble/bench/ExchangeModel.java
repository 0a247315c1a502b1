package dev.nibble.bench;

import dev.nibble.bench.CountedExchanges.Sent;
import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.SessionOptions;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Counts what workers exchange in a step, and says how long the step would take: {@code
 * ExchangeModel MODEL BATCH SHARED_MS WHOLE_MS SMALL_US MESSAGE_US GBITS...} prints rows of a table
 * for 2 to 256 workers.
 *
 * <p>A step of a batch takes one worker {@code WHOLE_MS}, which every worker does whole (weights'
 * packing, the loss, the optimiser), and {@code SHARED_MS}, which they share; two thirds of that
 * are the way back, the same for each stage. An exchange that is waited for takes {@code SMALL_US}
 * between two workers and {@code MESSAGE_US} more for each further one, and its bytes at the line's
 * rate, once the bulk that was sent before it is through. More than 32 workers, which the engine
 * does not take, are counted by the rule that 16 and 32 follow.
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
      List<Sent> sent = model.sent(workers);
      StringBuilder row = new StringBuilder();
      row.append(
          String.format(
              Locale.ROOT,
              "| %d | %d | %.0f | %d | %.0f |",
              workers,
              sent.stream().filter(s -> !s.bulk()).count(),
              bytes(sent, false),
              sent.stream().filter(Sent::bulk).count(),
              bytes(sent, true)));
      for (int i = 6; i < args.length; i++) {
        Machine machine =
            new Machine(
                Double.parseDouble(args[2]) / 1e3,
                Double.parseDouble(args[3]) / 1e3,
                Double.parseDouble(args[4]) / 1e6,
                Double.parseDouble(args[5]) / 1e6,
                Double.parseDouble(args[i]) * 1e9 / 8);
        double alone = machine.shared() + machine.whole();
        double split = seconds(sent, machine, workers, 1.0 / workers);
        double grown = seconds(sent, machine, workers, 1);
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

  private static double bytes(List<Sent> sent, boolean bulk) {
    return sent.stream().filter(s -> s.bulk() == bulk).mapToDouble(Sent::bytes).sum();
  }

  /** A step's time where each worker computes that share of what one alone would. */
  static double seconds(List<Sent> sent, Machine machine, int workers, double share) {
    double computed = share * machine.shared();
    double small = machine.small() + (workers - 2) * machine.message();
    double now = machine.whole() + (1 - BACKWARD) * computed;
    long stages = sent.stream().filter(ExchangeModel::isOfWayBack).count();
    double line = 0; // when all bulk that was sent is through
    double bulk = 0;
    for (Sent one : sent) {
      if (!one.bulk() && !isOfWayBack(one)) {
        now += small + one.bytes() / machine.rate();
      }
    }
    for (Sent one : sent.reversed()) {
      if (one.bulk()) {
        bulk += one.bytes() / machine.rate();
        now += (workers - 1) * machine.message();
      } else if (isOfWayBack(one)) {
        now += BACKWARD * computed / stages;
        now = Math.max(now, line) + small + one.bytes() / machine.rate();
        line = Math.max(now, line) + bulk;
        bulk = 0;
      }
    }
    return Math.max(now, line + bulk);
  }

  private static boolean isOfWayBack(Sent one) {
    return one.name().startsWith("the sums of ");
  }

  /** What the last worker but one sends: the last of all may have less. */
  private List<Sent> sent(int workers) {
    if (workers > Workers.MOST) {
      int half = Workers.MOST / 2;
      return extrapolated(counted(half), half, counted(Workers.MOST), Workers.MOST, workers);
    }
    return counted(workers);
  }

  /**
   * Of what is sent whole every further worker gets as much; slices become smaller as there are
   * more, so that all of them take {@code (workers - 1) / workers} of the weights.
   */
  static List<Sent> extrapolated(List<Sent> half, int few, List<Sent> full, int many, int workers) {
    List<Sent> sent = new ArrayList<>();
    for (int i = 0; i < full.size(); i++) {
      // bytes(n) = whole * (n - 1) + sliced * (n - 1) / n: for each other worker, linear in 1 / n.
      double a = half.get(i).bytes() / (few - 1);
      double b = full.get(i).bytes() / (many - 1);
      double sliced = (a - b) / (1.0 / few - 1.0 / many);
      double whole = b - sliced / many;
      double bytes = (workers - 1) * (whole + sliced / workers);
      sent.add(new Sent(full.get(i).name(), full.get(i).bulk(), bytes));
    }
    return sent;
  }

  private List<Sent> counted(int workers) {
    Workers who = new Workers(workers - 2, workers, Workers.MOST, false);
    PlanOptions options = PlanOptions.training(batch, StoreFormat.INT4, false).withWorkers(who);
    CountedExchanges counted = new CountedExchanges(who.rank(), workers);
    MemoryAccount account = MemoryAccount.root("volume", MemoryAccount.UNLIMITED);
    SessionOptions run = SessionOptions.of(1).with(counted);
    try (Session session =
        Session.open(ExecutionPlan.of(network, options), run, kernels, account)) {
      if (session.share().isWhole()) {
        throw new IllegalStateException("The workers share nothing");
      }
      return counted.sent();
    } finally {
      account.close();
    }
  }
}
