package dev.nibble.engine.train;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.events.PlanEvent;
import dev.nibble.engine.events.Recording;
import dev.nibble.engine.network.LayerRange;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.FormatBudget;
import dev.nibble.engine.plan.FormatErrors;
import dev.nibble.engine.plan.Lowering;
import dev.nibble.engine.plan.Recomputation;
import dev.nibble.engine.plan.StageGraph;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.ByteSize;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.MemoryLimitException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Chooses what the user left open, store formats and batch, so that a run fits a memory limit.
 *
 * <p>The recipe comes first: int4, which trains as exact activations do and is faster than storing
 * them, and a batch of 128. A smaller batch comes next, down to 16, below which batch norm's
 * statistics get noisy; then fewer bits where activations are large, 3 on average at least, whose
 * gradients err as the paper's of 4 bits do; then activations that are computed twice instead of
 * stored, which costs up to a third of the time; only then 2 bits on average, and batches below 16.
 * The gradients of so many smaller batches make a step that it sees as many pictures, and learning
 * rate and schedule stay what they were.
 */
public final class MemoryBudget {
  /** Batch norm's statistics are of use from about so many pictures on. */
  private static final int STEADY_BATCH = 16;

  /** Bits on average that cost nothing to be seen, and the fewest that are chosen unasked. */
  private static final double SAFE_BITS = 3;

  private static final double FEW_BITS = 2;
  private static final double FEWEST_BITS = 1;

  /** Formats of so many bits on average at least, 0 for one format; computed twice or not. */
  private record Candidate(
      StoreFormat store, double leastBits, boolean twice, int batch, int accumulate) {}

  /**
   * What was chosen.
   *
   * @param plan the run that fits; its options name the chosen formats and batch
   * @param reason a sentence for people: what was chosen, what it needs, why not more
   */
  public record Choice(TrainingPlan plan, String reason) {
    /**
     * The same run, saved so often.
     *
     * @param steps between checkpoints, or 0 for one at the end
     */
    public Choice withCheckpointEvery(long steps) {
      return new Choice(plan.withCheckpointEvery(steps), reason);
    }
  }

  private final Network network;
  private TrainingOptions options;
  private final Kernels kernels;
  private final long limit;
  private final @Nullable Dataset pictures;
  private final StageGraph graph;
  private @Nullable FormatErrors errors;
  private boolean measured;
  private @Nullable TrainingOptions smallest;
  private long smallestBytes = Long.MAX_VALUE;

  private MemoryBudget(
      Network network,
      TrainingOptions options,
      Kernels kernels,
      long limit,
      @Nullable Dataset pictures) {
    this.network = network;
    this.pictures = pictures;
    this.options = options;
    this.kernels = kernels;
    this.limit = limit;
    this.graph = Lowering.lower(network);
  }

  /**
   * Chooses for a run on these data, as {@link Trainer#open(Network, DataSplits, TrainingOptions,
   * Kernels, MemoryAccount)} does: a choice to look at before anything is allocated.
   *
   * @param limit bytes that the run may take; {@link MemoryAccount#UNLIMITED} for any
   * @throws dev.nibble.engine.data.DataException if the data does not fit the network
   * @throws IllegalArgumentException if the loss does not fit the data's task, or mixed formats are
   *     to fill a memory that is not limited
   * @throws MemoryLimitException if nothing fits: says what would need the least
   */
  public static Choice choose(
      Network network, DataSplits data, TrainingOptions options, Kernels kernels, long limit) {
    DataFit.check(network, data);
    TrainingOptions wanted = options.forTask(data.train().task());
    return choose(network, wanted, data.train(), kernels, limit);
  }

  /**
   * Chooses the first of the candidates that fits.
   *
   * @param options whose store format and batch are kept if the user gave them
   * @param pictures training pictures; no larger batch is chosen
   * @param limit bytes that the run may take; {@link MemoryAccount#UNLIMITED} for any
   * @throws IllegalArgumentException if mixed formats are to fill a memory that is not limited
   * @throws MemoryLimitException if nothing fits: says what would need the least
   */
  public static Choice choose(
      Network network, TrainingOptions options, int pictures, Kernels kernels, long limit) {
    return choose(network, options, pictures, kernels, limit, null);
  }

  /**
   * As the other; but where formats are mixed, what each costs is measured on some of the training
   * pictures, with freshly drawn weights, and not read from a table. That takes about as long as a
   * step of a hundred pictures and no more memory than the limit or, for an average of bits, than
   * the run itself.
   *
   * @param pictures training pictures
   * @throws dev.nibble.engine.data.DataException if some of them cannot be read
   */
  public static Choice choose(
      Network network, TrainingOptions options, Dataset pictures, Kernels kernels, long limit) {
    return choose(network, options, pictures.size(), kernels, limit, pictures);
  }

  private static Choice choose(
      Network network,
      TrainingOptions options,
      int pictures,
      Kernels kernels,
      long limit,
      @Nullable Dataset measured) {
    MixedFormats mixed = options.mixed();
    MemoryBudget budget = new MemoryBudget(network, options, kernels, limit, measured);
    if (mixed != null && !mixed.isChosen()) {
      if (mixed.averageBits() == 0 && limit == MemoryAccount.UNLIMITED) {
        throw new IllegalArgumentException(
            "Mixed activations need a budget: give a memory limit, or bits on average such as"
                + " mixed:3");
      }
      if (mixed.averageBits() > 0) {
        budget.settle();
      }
    }
    if (!Recording.isPossible()) {
      return budget.choose(pictures);
    }
    PlanEvent event = new PlanEvent();
    event.begin();
    Choice choice = budget.choose(pictures);
    event.end();
    choice.plan().execution().commit(event);
    return choice;
  }

  /** Chooses formats for an average of bits. */
  private void settle() {
    long own = MemoryAccount.UNLIMITED;
    if (pictures != null) {
      TrainingOptions byTable = TrainingPlan.settled(network, options.as(0, 1), null);
      own = TrainingPlan.of(network, byTable, kernels).totalBytes();
    }
    options = TrainingPlan.settled(network, options, errors(Math.min(limit, own)));
  }

  /** What formats cost, measured once at most; null for the table. */
  private @Nullable FormatErrors errors(long most) {
    if (pictures != null && !measured) {
      measured = true;
      errors = FormatMeasurement.of(graph, options, pictures, kernels, most);
    }
    return errors;
  }

  private Choice choose(int pictures) {
    List<Candidate> candidates = candidates(pictures);
    for (int i = 0; i < candidates.size(); i++) {
      TrainingPlan plan = fit(candidates.get(i));
      if (plan != null) {
        return new Choice(plan, reason(plan, i == 0 ? null : candidates.get(i - 1)));
      }
    }
    if (smallest == null) {
      throw new IllegalStateException("There is always a candidate");
    }
    TrainingPlan least = TrainingPlan.of(network, smallest, kernels);
    String purpose = "training " + network.name();
    throw new MemoryLimitException(
        "%s needs at least %s, with %s, but only %s may be used: give more memory or take a smaller network."
            .formatted(
                purpose, ByteSize.format(least.totalBytes()), words(least), ByteSize.format(limit)),
        least.totalBytes(),
        limit,
        limit,
        "training",
        purpose);
  }

  private @Nullable TrainingPlan fit(Candidate candidate) {
    TrainingOptions tried =
        options.with(
            candidate.store(),
            candidate.leastBits() > 0 ? MixedFormats.byMemory() : options.mixed(),
            options.recomputed(),
            candidate.batch(),
            candidate.accumulate());
    if (candidate.twice()) {
      return fitTwice(tried);
    }
    if (candidate.leastBits() == 0) {
      return options.recompute() == Recompute.MOST ? fitMost(tried) : fit(tried);
    }
    FormatBudget budget = FormatBudget.of(graph, TrainingPlan.planOptions(tried), errors(limit));
    int low = budget.within(candidate.leastBits());
    TrainingPlan best = fit(withFormats(tried, budget, low));
    int high = best == null ? low : budget.steps();
    // What fits with more steps mostly fits with fewer: more bytes of codes are stored.
    while (low < high) {
      int middle = (low + high + 1) / 2;
      TrainingPlan plan = fit(withFormats(tried, budget, middle));
      if (plan != null) {
        best = plan;
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return best;
  }

  private ExecutionPlan once(TrainingOptions tried) {
    return ExecutionPlan.of(graph, TrainingPlan.planOptions(tried));
  }

  private static TrainingOptions twice(TrainingOptions tried, List<LayerRange> layers) {
    return tried.with(
        tried.store(), tried.mixed(), layers, tried.batch(), tried.update().accumulate());
  }

  /** The way that takes the least time of those that fit. */
  private @Nullable TrainingPlan fitTwice(TrainingOptions tried) {
    for (List<LayerRange> way : Recomputation.ways(once(tried))) {
      TrainingPlan plan = fit(twice(tried, way));
      if (plan != null) {
        return plan;
      }
    }
    return null;
  }

  /** The way that takes the least memory, if it fits. */
  private @Nullable TrainingPlan fitMost(TrainingOptions tried) {
    ExecutionPlan plan = once(tried);
    TrainingOptions best = tried;
    long least = plan.memory().totalBytes();
    for (List<LayerRange> way : Recomputation.ways(plan)) {
      TrainingOptions other = twice(tried, way);
      long bytes = once(other).memory().totalBytes();
      if (bytes < least) {
        best = other;
        least = bytes;
      }
    }
    return fit(best);
  }

  private static TrainingOptions withFormats(
      TrainingOptions tried, FormatBudget budget, int steps) {
    return tried.with(
        tried.store(),
        MixedFormats.byMemory().with(budget.after(steps)),
        tried.recomputed(),
        tried.batch(),
        tried.update().accumulate());
  }

  private @Nullable TrainingPlan fit(TrainingOptions tried) {
    ExecutionPlan execution = once(tried);
    long bytes = execution.memory().totalBytes();
    if (bytes < smallestBytes) {
      smallest = tried;
      smallestBytes = bytes;
    }
    if (bytes > limit) {
      return null; // before kernels are selected for it, which may take a measurement
    }
    TrainingPlan plan = TrainingPlan.of(network, tried, kernels, execution, limit);
    return plan.totalBytes() <= limit ? plan : null;
  }

  private List<Candidate> candidates(int pictures) {
    List<Integer> batches = batches(pictures);
    List<Candidate> candidates = new ArrayList<>();
    MixedFormats mixed = options.mixed();
    boolean byMemory = mixed != null && !mixed.isChosen();
    for (int i = 0; i < batches.size(); i++) {
      int batch = batches.get(i);
      boolean steady = batch >= STEADY_BATCH;
      boolean last = i + 1 == batches.size() || batches.get(i + 1) < STEADY_BATCH;
      int accumulate = options.update().accumulate() * (batches.getFirst() / batch);
      StoreFormat store = options.store();
      if (byMemory) {
        candidates.add(new Candidate(store, SAFE_BITS, false, batch, accumulate));
        if (!steady || last) {
          candidates.add(new Candidate(store, FEWEST_BITS, false, batch, accumulate));
        }
        continue;
      }
      candidates.add(new Candidate(store, 0, false, batch, accumulate));
      if (steady && !last) {
        continue;
      }
      boolean open = !options.storeGiven() && store.fitted() == StoreFormat.INT4;
      if (open) {
        candidates.add(new Candidate(store, SAFE_BITS, false, batch, accumulate));
      }
      if (options.recompute() == Recompute.AUTO && options.recomputed().isEmpty()) {
        candidates.add(new Candidate(store, 0, true, batch, accumulate));
      }
      if (open) {
        candidates.add(new Candidate(store, FEW_BITS, false, batch, accumulate));
      }
    }
    return candidates;
  }

  /** The largest first. */
  private List<Integer> batches(int pictures) {
    List<Integer> batches = new ArrayList<>();
    if (options.batchGiven()) {
      batches.add(options.batch());
      return batches;
    }
    int most = Math.max(1, pictures / options.update().accumulate());
    int first = Math.min(options.batch(), most);
    for (int batch = first; batch >= 2; batch /= 2) {
      batches.add(batch);
    }
    if (batches.isEmpty()) {
      batches.add(first);
    }
    return batches;
  }

  private String reason(TrainingPlan plan, @Nullable Candidate next) {
    String within =
        limit == MemoryAccount.UNLIMITED ? "" : " of " + ByteSize.format(limit) + " allowed";
    String sentence = "%s: %s%s".formatted(words(plan), ByteSize.format(plan.totalBytes()), within);
    return next == null ? sentence : "%s; %s would not fit".formatted(sentence, words(next));
  }

  private static String words(TrainingPlan plan) {
    TrainingOptions chosen = plan.options();
    String format =
        chosen.mixed() == null
            ? chosen.activations()
            : String.format(
                Locale.ROOT, "%s (%.2f bits on average)", chosen.activations(), plan.averageBits());
    String twice =
        chosen.recomputed().isEmpty()
            ? ""
            : ", those from %s to %s computed twice,"
                .formatted(
                    chosen.recomputed().getFirst().first(), chosen.recomputed().getLast().last());
    return words(format, twice, chosen.batch(), chosen.update().accumulate());
  }

  private String words(Candidate candidate) {
    String format =
        candidate.leastBits() > 0
            ? String.format(Locale.ROOT, "mixed (%.0f bits on average)", candidate.leastBits())
            : options.mixed() != null ? options.activations() : candidate.store().text();
    String twice = candidate.twice() ? ", some of them computed twice," : "";
    return words(format, twice, candidate.batch(), candidate.accumulate());
  }

  private static String words(String format, String twice, int batch, int accumulate) {
    String pictures = "%s activations%s and a batch of %d".formatted(format, twice, batch);
    return accumulate == 1 ? pictures : pictures + ", " + accumulate + " of them a step";
  }
}
