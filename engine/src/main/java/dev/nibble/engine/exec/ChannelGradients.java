package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Merges;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Merges the sums of channels that the backward pass's leaves leave: they are the gradients of a
 * batch norm's gamma and beta and of a function's slopes, and finish, as rows of the channel table,
 * the gradient that the stage has written.
 */
final class ChannelGradients {
  private final StageTurn turn;
  private final Kernels kernels;
  private final WorkerPool pool;

  private final WorkerPool.Task ownTask = this::mergeOwn;
  private final WorkerPool.Task finishTask = this::finishChunk;

  ChannelGradients(StageTurn turn, Kernels kernels, WorkerPool pool) {
    this.turn = turn;
    this.kernels = kernels;
    this.pool = pool;
  }

  /** Whether the stage at hand leaves such sums. */
  boolean has() {
    return turn.stage().gammaGradient() != null || turn.stage().slopeGradient() != null;
  }

  private int chunks() {
    return ChannelChunks.count(turn.backward().stage().input().channels());
  }

  /** Merges what this worker's leaves have left, before it is exchanged. */
  void mergeOwn() {
    pool.run(chunks(), ownTask);
  }

  /** Merges what is left to merge, and makes the gradients. */
  void finish() {
    pool.run(chunks(), finishTask);
  }

  private void mergeOwn(int chunk, int worker) {
    BackwardArgs args = turn.backward();
    int channels = args.stage().input().channels();
    Merges own = Objects.requireNonNull(turn.shares().sums()).own();
    kernels.mergeSums(args, own, ChannelChunks.first(chunk), ChannelChunks.end(chunk, channels));
  }

  private void finishChunk(int chunk, int worker) {
    BoundStage stage = turn.stage();
    BackwardArgs args = turn.backward();
    int channels = args.stage().input().channels();
    int from = ChannelChunks.first(chunk);
    int to = ChannelChunks.end(chunk, channels);
    StageExchange exchange = turn.exchange();
    Cut cut = turn.cuts().backward();
    if (exchange != null) {
      kernels.mergeSums(args, Objects.requireNonNull(exchange.sums()).rest(), from, to);
      cut = Cut.whole();
    }
    MemorySegment gamma = stage.gammaGradient();
    MemorySegment beta = stage.betaGradient();
    MemorySegment slope = stage.slopeGradient();
    if (gamma != null && beta != null) {
      kernels.finishChannels(args, cut, turn.normalized(), from, to, gamma, beta);
    }
    if (slope != null) {
      kernels.finishSlopes(args, cut, from, to, slope);
    }
    MemorySegment table = args.table();
    if (stage.running() && table != null) {
      // Running statistics do not depend on the batch: no gradient comes back through them.
      clear(table, ChannelTable.offset(ChannelTable.DX_CODE, channels), from, to);
      clear(table, ChannelTable.offset(ChannelTable.DX_OFFSET, channels), from, to);
      clear(table, ChannelTable.offset(ChannelTable.LOW_DX_CODE, channels), from, to);
      clear(table, ChannelTable.offset(ChannelTable.LOW_DX_OFFSET, channels), from, to);
    }
  }

  private static void clear(MemorySegment table, long row, int from, int to) {
    for (int c = from; c < to; c++) {
      table.set(JAVA_FLOAT, row + 4L * c, 0);
    }
  }
}
