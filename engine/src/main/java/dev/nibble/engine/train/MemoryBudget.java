package dev.nibble.engine.train;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.ByteSize;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.MemoryLimitException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Chooses what the user left open, store format and batch, so that a run fits a memory limit.
 *
 * <p>The recipe comes first: int4, which trains as exact activations do and is faster than storing
 * them, and a batch of 128. A smaller batch comes next, down to 16, below which batch norm's
 * statistics get noisy; only then int2, whose accuracy is lower, and batches below 16. The
 * gradients of so many smaller batches make a step that it sees as many pictures, and learning rate
 * and schedule stay what they were.
 */
public final class MemoryBudget {
  /** Batch norm's statistics are of use from about so many pictures on. */
  private static final int STEADY_BATCH = 16;

  private record Candidate(StoreFormat store, int batch, int accumulate) {}

  /**
   * What was chosen.
   *
   * @param plan the run that fits; its options name the chosen format and batch
   * @param reason a sentence for people: what was chosen, what it needs, why not more
   */
  public record Choice(TrainingPlan plan, String reason) {}

  private MemoryBudget() {}

  /**
   * Chooses the first of the candidates that fits.
   *
   * @param options whose store format and batch are kept if the user gave them
   * @param pictures training pictures; no larger batch is chosen
   * @param limit bytes that the run may take; {@link MemoryAccount#UNLIMITED} for any
   * @throws MemoryLimitException if nothing fits: says what would need the least
   */
  public static Choice choose(
      Network network, TrainingOptions options, int pictures, Kernels kernels, long limit) {
    List<Candidate> candidates = candidates(options, pictures);
    TrainingOptions smallest = null;
    long smallestBytes = Long.MAX_VALUE;
    for (int i = 0; i < candidates.size(); i++) {
      Candidate candidate = candidates.get(i);
      TrainingOptions tried =
          options.with(candidate.store(), candidate.batch(), candidate.accumulate());
      ExecutionPlan execution = TrainingPlan.execution(network, tried);
      long bytes = execution.memory().totalBytes();
      if (bytes < smallestBytes) {
        smallest = tried;
        smallestBytes = bytes;
      }
      if (bytes > limit) {
        continue; // before kernels are selected for it, which may take a measurement
      }
      TrainingPlan plan = TrainingPlan.of(network, tried, kernels, execution, limit);
      if (plan.totalBytes() <= limit) {
        return new Choice(plan, reason(plan, i == 0 ? null : candidates.get(i - 1), limit));
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

  private static List<Candidate> candidates(TrainingOptions options, int pictures) {
    List<Integer> batches = new ArrayList<>();
    if (options.batchGiven()) {
      batches.add(options.batch());
    } else {
      int most = Math.max(1, pictures / options.update().accumulate());
      int first = Math.min(options.batch(), most);
      for (int batch = first; batch >= 2; batch /= 2) {
        batches.add(batch);
      }
      if (batches.isEmpty()) {
        batches.add(first);
      }
    }
    StoreFormat preferred = options.store();
    List<Candidate> candidates = new ArrayList<>();
    batches.stream()
        .filter(batch -> batch >= STEADY_BATCH || options.batchGiven())
        .forEach(batch -> candidates.add(candidate(options, preferred, batch, batches)));
    for (int batch : batches) {
      if (batch < STEADY_BATCH && !options.batchGiven()) {
        candidates.add(candidate(options, preferred, batch, batches));
      }
      boolean smaller = batch < 2 * STEADY_BATCH || options.batchGiven();
      if (smaller && !options.storeGiven() && preferred.fitted() == StoreFormat.INT4) {
        StoreFormat two = preferred.isUniform() ? StoreFormat.UNIFORM2 : StoreFormat.INT2;
        candidates.add(candidate(options, two, batch, batches));
      }
    }
    return candidates;
  }

  private static Candidate candidate(
      TrainingOptions options, StoreFormat store, int batch, List<Integer> batches) {
    return new Candidate(
        store, batch, options.update().accumulate() * (batches.getFirst() / batch));
  }

  private static String reason(TrainingPlan plan, @Nullable Candidate next, long limit) {
    String within =
        limit == MemoryAccount.UNLIMITED ? "" : " of " + ByteSize.format(limit) + " allowed";
    String sentence = "%s: %s%s".formatted(words(plan), ByteSize.format(plan.totalBytes()), within);
    return next == null
        ? sentence
        : "%s; %s would not fit"
            .formatted(sentence, words(next.store(), next.batch(), next.accumulate()));
  }

  private static String words(TrainingPlan plan) {
    TrainingOptions options = plan.options();
    return words(options.store(), options.batch(), options.update().accumulate());
  }

  private static String words(StoreFormat store, int batch, int accumulate) {
    String format = store.text();
    String pictures = "%s activations and a batch of %d".formatted(format, batch);
    return accumulate == 1 ? pictures : pictures + ", " + accumulate + " of them a step";
  }
}
