package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.CollectiveException;
import dev.nibble.engine.collective.Exchange;
import dev.nibble.engine.data.loading.BatchShare;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PersistentBuffers;
import dev.nibble.kernels.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The loss of a batch that workers share: each hands its labels and logits to all others, and all
 * compute the whole batch's loss, the same to the last bit. Whether a worker wishes to stop goes
 * with them, so that all know of it at the same place.
 */
final class LossExchange {
  private static final long WISH = 0;
  private static final long COUNT = 8;
  private static final long PASS = 16;

  private final ExecutionPlan plan;
  private final Kernels kernels;
  private final int classes;
  private final MemorySegment ownLogits;
  private final @Nullable MemorySegment ownGradient;
  private final MemorySegment exchanged;
  private final long bytes;
  private final MemorySegment labels;
  private final MemorySegment logits;
  private final @Nullable MemorySegment gradient;
  private final BoundLoss loss;
  private final long wantedBytes;
  private final List<BatchShare> shares = new ArrayList<>();
  private final int rank;
  private final Exchange exchange;
  private volatile boolean wish;
  private boolean agreed;
  private long passes;

  LossExchange(
      ExecutionPlan plan,
      Binder binder,
      Kernels kernels,
      SessionOptions options,
      Collective collective) {
    this.plan = plan;
    this.kernels = kernels;
    this.rank = collective.rank();
    this.classes = plan.graph().network().classes();
    this.ownLogits = binder.view(plan.buffers().tensor(plan.graph().logits()));
    this.ownGradient = binder.viewOrNull(plan.buffers().lossGradient());
    PersistentBuffers.Shared shared = Objects.requireNonNull(plan.buffers().persistent().shared());
    this.exchanged = binder.view(shared.exchanged());
    this.bytes = PersistentBuffers.sharedBytes(plan);
    this.labels = binder.view(shared.labels());
    this.logits = binder.view(shared.logits());
    this.gradient = binder.viewOrNull(shared.gradient());
    MemorySegment result = binder.view(plan.buffers().persistent().scalars());
    int batch = plan.options().batch();
    this.loss = new BoundLoss(options, batch, classes, logits, gradient, result);
    this.wantedBytes = PersistentBuffers.wantedBytes(plan);
    List<MemorySegment> parts = new ArrayList<>();
    for (int worker = 0; worker < collective.size(); worker++) {
      parts.add(exchanged.asSlice(worker * bytes, bytes));
      shares.add(plan.division().share(worker));
    }
    this.exchange = collective.allGather("the logits", parts);
  }

  /** Asks all workers to stop; they know once the next batch's loss is computed. */
  void wishToStop() {
    wish = true;
  }

  /** Whether a worker has asked to stop. */
  boolean isStopAgreed() {
    return agreed;
  }

  /**
   * Computes the loss of a whole batch.
   *
   * @param own this worker's labels or targets
   * @param count pictures of the whole batch
   * @param trains whether this worker's gradient of the logits is wanted, too
   */
  void run(MemorySegment own, int count, boolean trains) {
    long at = rank * bytes;
    int pictures = shares.get(rank).size(count);
    passes++;
    exchanged.set(JAVA_LONG, at + WISH, wish ? 1 : 0);
    exchanged.set(JAVA_LONG, at + COUNT, count);
    exchanged.set(JAVA_LONG, at + PASS, passes);
    long each = loss.wantedBytes(trains);
    MemorySegment.copy(own, 0, exchanged, labelsAt(rank), each * pictures);
    MemorySegment.copy(ownLogits, 0, exchanged, logitsAt(rank), 4L * pictures * classes);
    exchange.run();
    boolean stop = false;
    for (int worker = 0; worker < shares.size(); worker++) {
      stop |= accept(worker, count, each);
    }
    agreed |= stop;
    loss.run(kernels, labels, count, trains);
    if (trains && gradient != null && ownGradient != null) {
      long from = 4L * shares.get(rank).first(count) * classes;
      MemorySegment.copy(gradient, from, ownGradient, 0, 4L * pictures * classes);
    }
  }

  private boolean accept(int worker, int count, long each) {
    long at = worker * bytes;
    if (exchanged.get(JAVA_LONG, at + COUNT) != count
        || exchanged.get(JAVA_LONG, at + PASS) != passes) {
      throw new CollectiveException(
          "Workers %d and %d are not at the same batch: give all of them the same data and options."
              .formatted(rank, worker));
    }
    BatchShare share = shares.get(worker);
    long first = share.first(count);
    int pictures = share.size(count);
    MemorySegment.copy(exchanged, labelsAt(worker), labels, each * first, each * pictures);
    MemorySegment.copy(
        exchanged, logitsAt(worker), logits, 4 * first * classes, 4L * pictures * classes);
    return exchanged.get(JAVA_LONG, at + WISH) != 0;
  }

  /** The whole batch's logits, after a pass. */
  MemorySegment logits() {
    return logits;
  }

  /** The whole batch's labels or targets, after a pass. */
  MemorySegment wanted() {
    return labels;
  }

  private long labelsAt(int worker) {
    return worker * bytes + PersistentBuffers.SHARED_HEADER;
  }

  private long logitsAt(int worker) {
    return labelsAt(worker) + wantedBytes * plan.localBatch();
  }
}
