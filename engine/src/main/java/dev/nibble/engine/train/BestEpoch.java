package dev.nibble.engine.train;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * The best epoch so far, by the accuracy on the test pictures. All that it knows lies in a few
 * bytes that go into the checkpoints as they are.
 */
final class BestEpoch {
  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final long ACCURACY = 0;
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

  /** Takes an epoch's result; returns whether it is the best one. */
  boolean offer(int epoch, Evaluator.Result result) {
    if (rule == null) {
      return false;
    }
    if (isFound() && !(result.accuracy() > accuracy() + rule.minDelta())) {
      data.set(LONG, SINCE, data.get(LONG, SINCE) + 1);
      return false;
    }
    data.set(DOUBLE, ACCURACY, result.accuracy());
    data.set(DOUBLE, LOSS, result.loss());
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

  double accuracy() {
    return data.get(DOUBLE, ACCURACY);
  }

  double loss() {
    return data.get(DOUBLE, LOSS);
  }

  /** What a checkpoint keeps. */
  MemorySegment data() {
    return data;
  }
}
