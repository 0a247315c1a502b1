package dev.nibble.engine.exec;

import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.StageGraph.Node;
import java.lang.foreign.MemorySegment;
import java.util.NoSuchElementException;

/**
 * A backward pass that is walked a stage at a time, from the last one to the first, so that what
 * lies in memory between two stages can be looked at: buffers of gradients are used again and
 * again. What it computes is to the last bit what {@link Session#gradient} does.
 */
public final class BackwardWalk {
  private final ExecutionPlan plan;
  private final StagePasses passes;
  private final int count;
  private int next;

  BackwardWalk(ExecutionPlan plan, StagePasses passes, int count) {
    this.plan = plan;
    this.passes = passes;
    this.count = count;
    this.next = plan.graph().stages().size() - 1;
  }

  /** Whether there are stages left. */
  public boolean hasNext() {
    return next >= 0;
  }

  /** The stage whose turn it is. */
  public Node node() {
    if (!hasNext()) {
      throw new NoSuchElementException("The walk is at its end");
    }
    return plan.graph().stages().get(next);
  }

  /**
   * Copies the gradient of the output of the stage whose turn it is: fp32, N,H,W,C, summed over all
   * that read that output.
   *
   * @param target room for a whole batch of that output
   * @return false, with nothing copied, if the stage is frozen
   */
  public boolean copyOutputGradient(MemorySegment target) {
    return passes.copyOutputGradient(node().index(), count, target);
  }

  /** Computes the stage whose turn it is. */
  public void step() {
    passes.backward(node().index(), count);
    next--;
  }
}
