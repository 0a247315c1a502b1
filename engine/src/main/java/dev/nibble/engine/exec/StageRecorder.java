package dev.nibble.engine.exec;

import dev.nibble.engine.events.BackwardEvent;
import dev.nibble.engine.events.ForwardEvent;
import dev.nibble.engine.events.StageEvent;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StepTraffic;
import org.jspecify.annotations.Nullable;

/**
 * Shows a flight recording the stages of training steps. Its two events are used again and again by
 * the thread that runs the session, so that no recording means no allocation either.
 */
final class StageRecorder {
  private final ExecutionPlan plan;
  private final ForwardEvent forward = new ForwardEvent();
  private final BackwardEvent backward = new BackwardEvent();
  private @Nullable StepTraffic traffic;
  private boolean begun;

  StageRecorder(ExecutionPlan plan) {
    this.plan = plan;
  }

  /** A stage's forward pass begins; only those of training are shown. */
  void beginForward(boolean training) {
    begin(forward, training);
  }

  /** A stage's backward pass begins. */
  void beginBackward() {
    begin(backward, true);
  }

  private void begin(StageEvent event, boolean training) {
    begun = training && event.isEnabled();
    if (begun) {
      event.begin();
    }
  }

  /** The forward pass that began is done. */
  void endForward(Node node, int count) {
    if (begun) {
      forward.end();
      StepTraffic bytes = traffic();
      forward.traffic(bytes.written(node), bytes.forward(node));
      commit(forward, node, count);
    }
  }

  /** The backward pass that began is done. */
  void endBackward(Node node, int count) {
    if (begun) {
      backward.end();
      StepTraffic bytes = traffic();
      backward.traffic(bytes.restored(node), bytes.backward(node));
      commit(backward, node, count);
    }
  }

  private void commit(StageEvent event, Node node, int count) {
    begun = false;
    event.position(node.name(), node.index(), count);
    event.commit();
  }

  /** Counted when a recording first asks. */
  private StepTraffic traffic() {
    StepTraffic counted = traffic;
    if (counted == null) {
      counted = StepTraffic.of(plan);
      traffic = counted;
    }
    return counted;
  }
}
