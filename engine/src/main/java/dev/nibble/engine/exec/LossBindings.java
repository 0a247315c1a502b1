package dev.nibble.engine.exec;

import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.kernels.LossArgs;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The loss's arguments for the few label buffers in use, kept so that a step makes none anew. */
final class LossBindings {
  private static final int KEPT = 8;

  private final int batch;
  private final int classes;
  private final double labelSmoothing;
  private final MemorySegment logits;
  private final MemorySegment result;
  private final @Nullable MemorySegment gradient;
  private final @Nullable LossArgs[] training = new @Nullable LossArgs[KEPT];
  private final @Nullable LossArgs[] evaluation = new @Nullable LossArgs[KEPT];

  LossBindings(ExecutionPlan plan, Binder binder, double labelSmoothing) {
    this.batch = plan.options().batch();
    this.classes = plan.graph().network().classes();
    this.labelSmoothing = labelSmoothing;
    this.logits = binder.view(plan.buffers().tensor(plan.graph().logits()));
    this.result = binder.view(plan.buffers().persistent().scalars());
    this.gradient = binder.viewOrNull(plan.buffers().lossGradient());
  }

  LossArgs args(MemorySegment labels, boolean withGradient) {
    @Nullable LossArgs[] kept = withGradient ? training : evaluation;
    int free = 0;
    for (int i = 0; i < KEPT; i++) {
      LossArgs args = kept[i];
      if (args == null) {
        free = i;
        break;
      }
      if (args.labels().equals(labels)) {
        return args;
      }
    }
    LossArgs made =
        new LossArgs(
            batch,
            classes,
            logits,
            labels,
            withGradient ? gradient : null,
            result,
            withGradient ? labelSmoothing : 0);
    kept[free] = made;
    return made;
  }
}
