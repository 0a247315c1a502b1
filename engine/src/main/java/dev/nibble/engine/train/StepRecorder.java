package dev.nibble.engine.train;

import dev.nibble.engine.events.StepEvent;
import dev.nibble.engine.plan.Buffer.Kind;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.StepTraffic;

/** Shows a flight recording the steps of a run, with one event that is used again and again. */
final class StepRecorder {
  private final ExecutionPlan plan;
  private final StepEvent event = new StepEvent();
  private boolean begun;
  private boolean counted;

  StepRecorder(ExecutionPlan plan) {
    this.plan = plan;
  }

  void begin() {
    begun = event.isEnabled();
    if (begun) {
      event.begin();
    }
  }

  void end(TrainingListener.Step step, long pictures) {
    if (begun) {
      event.end();
      if (!counted) {
        event.traffic(plan.bytes(Kind.STORE), StepTraffic.of(plan).moved());
        counted = true;
      }
      event.position(step.step(), step.epoch(), pictures);
      event.outcome(step.loss(), step.accuracy(), step.rate());
      event.commit();
    }
  }
}
