package dev.nibble.engine.exec;

import dev.nibble.engine.exec.BoundStage.BoundTable;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Merges;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * The statistics of a stage's output and what follows from them: the leaves' sums are merged to
 * mean and variance, and these fill the channel tables of who reads the output.
 */
final class BatchStatistics {
  private final StageTurn turn;
  private final Kernels kernels;
  private final WorkerPool pool;
  private final MemorySegment sums;
  private final MemorySegment moments;

  private final WorkerPool.Task inputTask = this::fillInputTable;
  private final WorkerPool.Task joinTask = this::joinChunk;
  private final WorkerPool.Task ownTask = this::mergeOwn;
  private final WorkerPool.Task finishTask = this::finishChunk;

  /**
   * Statistics of a session.
   *
   * @param sums where the leaves leave their sums, of the stage at hand
   * @param moments where its mean and variance go
   */
  BatchStatistics(
      StageTurn turn, Kernels kernels, WorkerPool pool, MemorySegment sums, MemorySegment moments) {
    this.turn = turn;
    this.kernels = kernels;
    this.pool = pool;
    this.sums = sums;
    this.moments = moments;
  }

  /** Fills the table of the stage's own input with running statistics. */
  void fillInput(BoundTable table) {
    if (table.runningMean() != null) {
      RunningStatistics.load(table, moments);
    }
    pool.run(ChannelChunks.count(table.channels()), inputTask);
  }

  /** A concatenation's statistics are those that its slices have left. */
  void join() {
    if (!turn.stage().outputTables().isEmpty()) {
      pool.run(ChannelChunks.count(turn.outputChannels()), joinTask);
    }
  }

  /** Merges what the forward pass's leaves have left, with that of other workers. */
  void finish() {
    int chunks = ChannelChunks.count(turn.outputChannels());
    StageExchange exchange = turn.exchange();
    if (exchange != null) {
      pool.run(chunks, ownTask);
      exchange.exchangeStatistics();
    }
    pool.run(chunks, finishTask);
  }

  private void fillInputTable(int chunk, int worker) {
    BoundTable table = turn.stage().inputTable();
    if (table != null) {
      fill(table, chunk, moments);
    }
  }

  private void joinChunk(int chunk, int worker) {
    fillOutputTables(chunk, turn.stage().moments().segment());
  }

  private void mergeOwn(int chunk, int worker) {
    int channels = turn.outputChannels();
    Merges own = Objects.requireNonNull(turn.shares().statistics()).own();
    int from = ChannelChunks.first(chunk);
    kernels.mergeStatistics(sums, own, channels, from, ChannelChunks.end(chunk, channels));
  }

  private void finishChunk(int chunk, int worker) {
    int channels = turn.outputChannels();
    int from = ChannelChunks.first(chunk);
    int to = ChannelChunks.end(chunk, channels);
    StageExchange exchange = turn.exchange();
    Cut cut = turn.cuts().forward();
    if (exchange != null) {
      Merges rest = Objects.requireNonNull(exchange.statistics()).rest();
      kernels.mergeStatistics(sums, rest, channels, from, to);
      cut = Cut.whole();
    }
    kernels.finishStatistics(sums, cut, channels, from, to, moments);
    BoundStage.Moments target = turn.stage().moments();
    if (target.slice()) {
      RunningStatistics.place(moments, channels, from, to, target);
    }
    fillOutputTables(chunk, moments);
  }

  private void fillOutputTables(int chunk, MemorySegment from) {
    BoundStage stage = turn.stage();
    int end = ChannelChunks.end(chunk, turn.outputChannels());
    long values = (long) turn.normalized() * stage.node().output().map().pixels();
    for (int i = 0; i < stage.outputTables().size(); i++) {
      BoundTable table = stage.outputTables().get(i);
      fill(table, chunk, from);
      if (values > 0) {
        RunningStatistics.update(table, from, values, ChannelChunks.first(chunk), end);
      }
    }
  }

  private void fill(BoundTable table, int chunk, MemorySegment from) {
    int first = ChannelChunks.first(chunk);
    int end = ChannelChunks.end(chunk, table.channels());
    kernels.fillTable(
        turn.trains() ? table.train() : table.infer(),
        table.channels(),
        first,
        end,
        from,
        table.gamma(),
        table.beta(),
        table.epsilon(),
        table.table());
    MemorySegment slopes = table.slopes();
    if (slopes != null) {
      kernels.fillSlopes(table.channels(), first, end, slopes, table.table());
    }
  }
}
