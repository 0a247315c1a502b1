package dev.nibble.engine.train;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * The best epoch so far, by the score on the validation pictures, or where there are none on the
 * test pictures. All that it knows lies in a few bytes that go into the checkpoints as they are.
 */
final class BestEpoch {
  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final long SCORE = 0;
  private static final long LOSS = 8;
  private static final long EPOCH = 16;
  private static final long SINCE = 24;

  private final @Nullable EarlyStopping rule;
  private final MemorySegment data = MemorySegment.ofArray(new byte[32]);

  BestEpoch(@Nullable EarlyStopping rule) {
    this.rule = rule;
  }

  /** Whether the run looks for a best epoch at all. */
  boolean isSought() {
    return rule != null;
  }

  /** Whether there is one. */
  boolean isFound() {
    return epoch() > 0;
  }

  /** Takes an epoch's score, the larger the better; returns whether it is the best one. */
  boolean offer(int epoch, double score, double loss) {
    if (rule == null) {
      return false;
    }
    boolean better = score > score() + rule.minDelta() || Double.isNaN(score());
    if (isFound() && !better) {
      data.set(LONG, SINCE, data.get(LONG, SINCE) + 1);
      return false;
    }
    data.set(DOUBLE, SCORE, score);
    data.set(DOUBLE, LOSS, loss);
    data.set(LONG, EPOCH, epoch);
    data.set(LONG, SINCE, 0);
    return true;
  }

  /** Whether the run has waited long enough for a better one. */
  boolean isExhausted() {
    return rule != null && data.get(LONG, SINCE) >= rule.patience();
  }

  /** The best epoch, from 1; 0 before there is one. */
  int epoch() {
    return (int) data.get(LONG, EPOCH);
  }

  double score() {
    return data.get(DOUBLE, SCORE);
  }

  double loss() {
    return data.get(DOUBLE, LOSS);
  }

  /** What a checkpoint keeps. */
  MemorySegment data() {
    return data;
  }
}
