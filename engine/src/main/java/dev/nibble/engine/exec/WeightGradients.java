package dev.nibble.engine.exec;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Merges;
import dev.nibble.kernels.Partials;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Merges the sums that the backward pass's leaves leave of a stage's weights. Where workers share a
 * batch, those of some stages travel while the next stages are computed.
 */
final class WeightGradients {
  /** Values that one thread merges at a time. */
  private static final int CHUNK = 16384;

  private final StageTurn turn;
  private final Kernels kernels;
  private final WorkerPool pool;
  private final @Nullable SharedBatch shared;

  private final WorkerPool.Task ownTask = this::mergeOwn;
  private final WorkerPool.Task mergeTask = this::mergeChunk;

  private int from;
  private int to;

  // Stages whose gradients other workers are handed, in the order of the backward pass.
  private final int[] handedOut;
  private int handed;
  private int awaited;

  WeightGradients(
      StageTurn turn, Kernels kernels, WorkerPool pool, int stages, @Nullable SharedBatch shared) {
    this.turn = turn;
    this.kernels = kernels;
    this.pool = pool;
    this.shared = shared;
    this.handedOut = new int[stages];
  }

  /** Whether there is something to merge of the stage at hand. */
  boolean merges() {
    return turn.stage().weightGradient() != null && !turn.cuts().writesWeights();
  }

  /** Merges the gradient of the stage at hand, which no other worker has a part of. */
  void merge() {
    run(0, Partials.weightValues(turn.backward().stage()), mergeTask);
  }

  /** Begins to hand out the gradient of the stage at hand, once there is room for it. */
  void handOut(int index, int pictures) {
    if (handed - awaited >= Objects.requireNonNull(shared).depth()) {
      mergeOldest(pictures);
      turn.begin(index, pictures, true);
    }
    run(0, Partials.weightValues(turn.backward().stage()), ownTask);
    turn.shares().beginWeights();
    handedOut[handed++] = index;
  }

  /** Merges the gradient of the stage that has waited longest for the others'. */
  private void mergeOldest(int pictures) {
    turn.begin(handedOut[awaited++], pictures, true);
    StageExchange shares = turn.shares();
    shares.awaitWeights();
    run(shares.firstValue(), shares.endValue(), mergeTask);
    shares.beginSlices();
  }

  /** Waits for all that is under way, and merges it. */
  void mergeRest(int pictures) {
    while (awaited < handed) {
      mergeOldest(pictures);
    }
    for (int i = 0; i < handed; i++) {
      Objects.requireNonNull(shared).stage(handedOut[i]).awaitSlices();
    }
    handed = 0;
    awaited = 0;
  }

  /** What is under way is moved by the thread that begins and awaits it: worker 0. */
  void progress(int worker) {
    if (worker == 0 && awaited < handed && shared != null) {
      shared.progress();
    }
  }

  private void run(int first, int end, WorkerPool.Task task) {
    from = first;
    to = end;
    int chunks = (end - first + CHUNK - 1) / CHUNK;
    if (chunks > 0) {
      pool.run(chunks, task);
    }
  }

  private void mergeOwn(int chunk, int worker) {
    StageExchange shares = turn.shares();
    BackwardArgs args = turn.backward();
    Merges own = Objects.requireNonNull(shares.weights()).own();
    int first = from + chunk * CHUNK;
    int end = Math.min(first + CHUNK, to);
    kernels.mergeWeights(args, own, first, end);
    shares.keepOwnWeights(args, first, end);
  }

  private void mergeChunk(int chunk, int worker) {
    MemorySegment target = Objects.requireNonNull(turn.stage().weightGradient());
    StageExchange exchange = turn.exchange();
    int first = from + chunk * CHUNK;
    int end = Math.min(first + CHUNK, to);
    if (exchange == null) {
      kernels.finishWeights(turn.backward(), turn.cuts().weights(), first, end, target);
      return;
    }
    kernels.mergeWeights(exchange.window(), exchange.windowRest(), first, end);
    kernels.finishWeights(exchange.window(), Cut.whole(), first, end, target);
  }
}
