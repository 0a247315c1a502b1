package dev.nibble.bench;

import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.SessionOptions;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.engine.plan.StepTraffic;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;

/** What whole networks compute and need in memory, from their plans, before anything runs. */
final class NetworkWork {
  private NetworkWork() {}

  /**
   * A training step's floating-point operations, two a multiply-add of the direct algorithm:
   * forward, the weights' gradient, and the input's, which the first layer does without.
   */
  static StageWork step(String model, int batch) {
    ExecutionPlan plan = plan(model, PlanOptions.inference(batch));
    return new StageWork(2.0 * batch * (3 * multiplyAdds(plan) - first(plan)), 0);
  }

  /** A forward pass's floating-point operations. */
  static StageWork inference(String model, int batch) {
    return new StageWork(2.0 * batch * multiplyAdds(plan(model, PlanOptions.inference(batch))), 0);
  }

  /** The memory of a training session and of its step. */
  static StepMemory memory(
      String model, int batch, StoreFormat store, int threads, Kernels kernels) {
    ExecutionPlan plan = plan(model, PlanOptions.training(batch, store, false));
    StepTraffic traffic = StepTraffic.of(plan);
    return new StepMemory(
        Session.bytes(plan, SessionOptions.of(threads), kernels),
        traffic.moved(),
        traffic.minimum());
  }

  static ExecutionPlan plan(String model, PlanOptions options) {
    return ExecutionPlan.of(BenchNetworks.of(model), options);
  }

  private static long multiplyAdds(ExecutionPlan plan) {
    long sum = 0;
    for (int i = 0; i < plan.graph().stages().size(); i++) {
      sum += plan.stage(i).operator().weights() > 0 ? plan.stage(i).operator().multiplyAdds() : 0;
    }
    return sum;
  }

  private static long first(ExecutionPlan plan) {
    return plan.stage(0).operator().multiplyAdds();
  }
}
