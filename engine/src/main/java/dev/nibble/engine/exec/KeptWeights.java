package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PersistentBuffers;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The weights that a session keeps beside those in training, and which of them it computes with.
 *
 * <p>Versions are exchanged in place, so that everything bound to the weights' memory sees the one
 * in use. Batch norm's running statistics are not averaged: the average is used with those of
 * training.
 */
public final class KeptWeights {
  /** A version of the weights. */
  public enum Version {
    /** As the last step left them. */
    TRAINED,
    /** Their running average. */
    AVERAGE,
    /** What {@link KeptWeights#keepBest} was last called for, with its running statistics. */
    BEST
  }

  private final MemorySegment weights;
  private final @Nullable MemorySegment state;
  private final @Nullable MemorySegment average;
  private final @Nullable MemorySegment best;
  private final @Nullable MemorySegment bestState;
  private Version version = Version.TRAINED;

  KeptWeights(ExecutionPlan plan, Binder binder) {
    PersistentBuffers buffers = plan.buffers().persistent();
    this.weights = binder.view(buffers.weights());
    this.state = binder.viewOrNull(buffers.runningStatistics());
    this.average = binder.viewOrNull(buffers.average());
    this.best = binder.viewOrNull(buffers.best());
    this.bestState = binder.viewOrNull(buffers.bestState());
  }

  /** What is planned for it, by name, while {@link Version#TRAINED} is in use. */
  public Map<String, MemorySegment> buffers() {
    Map<String, MemorySegment> all = new LinkedHashMap<>();
    if (average != null) {
      all.put("average weights", average);
    }
    if (best != null) {
      all.put("best weights", best);
    }
    if (bestState != null) {
      all.put("best running statistics", bestState);
    }
    return all;
  }

  /** The version in use. */
  public Version inUse() {
    return version;
  }

  /**
   * Puts a version in use; training needs {@link Version#TRAINED}.
   *
   * @throws IllegalStateException if the session was not planned to keep that version
   */
  public void use(Version wanted) {
    if (wanted == version) {
      return;
    }
    require(wanted);
    exchange(version);
    exchange(wanted);
    version = wanted;
  }

  /** Uses a version for one piece of work, and afterwards the one before. */
  public <T> T with(Version wanted, Supplier<T> work) {
    Version before = version;
    use(wanted);
    try {
      return work.get();
    } finally {
      use(before);
    }
  }

  /**
   * Keeps what is in use now, and its running statistics, as the best.
   *
   * @throws IllegalStateException if the session was not planned to, or the best is in use
   */
  public void keepBest() {
    MemorySegment target = best;
    if (target == null || version == Version.BEST) {
      throw new IllegalStateException("This session keeps no best weights beside those in use");
    }
    target.copyFrom(weights);
    if (bestState != null && state != null) {
      bestState.copyFrom(state);
    }
  }

  private void require(Version wanted) {
    boolean planned =
        switch (wanted) {
          case TRAINED -> true;
          case AVERAGE -> average != null;
          case BEST -> best != null;
        };
    if (!planned) {
      throw new IllegalStateException("This session was planned without " + wanted + " weights");
    }
  }

  private void exchange(Version other) {
    switch (other) {
      case TRAINED -> {
        // in place
      }
      case AVERAGE -> exchange(weights, average);
      case BEST -> {
        exchange(weights, best);
        exchange(state, bestState);
      }
    }
  }

  private static void exchange(@Nullable MemorySegment a, @Nullable MemorySegment b) {
    if (a == null || b == null) {
      return;
    }
    // The parameters' layout fills whole lines of 64 bytes.
    for (long at = 0; at < a.byteSize(); at += 8) {
      long bits = a.get(JAVA_LONG, at);
      a.set(JAVA_LONG, at, b.get(JAVA_LONG, at));
      b.set(JAVA_LONG, at, bits);
    }
  }
}
