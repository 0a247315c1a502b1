package dev.nibble.bench;

import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.SessionOptions;
import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.engine.plan.StepTraffic;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;

/** What whole networks compute and need in memory, before anything runs. */
final class NetworkWork {
  private NetworkWork() {}

  /**
   * A training step's floating-point operations, two a multiply-add of the direct algorithm:
   * forward, the weights' gradient, and the input's, which the first layer does without.
   */
  static StageWork step(String model, int batch) {
    Network network = BenchNetworks.of(model);
    long sum = 0;
    for (Layer layer : network.layers()) {
      if (layer instanceof Layer.Weighted w) {
        sum += (w.source() == 0 ? 2 : 3) * w.operator().multiplyAdds();
      }
    }
    return new StageWork(2.0 * batch * sum, 0);
  }

  /** A forward pass's floating-point operations. */
  static StageWork inference(String model, int batch) {
    long sum = 0;
    for (Layer layer : BenchNetworks.of(model).layers()) {
      sum += layer instanceof Layer.Weighted w ? w.operator().multiplyAdds() : 0;
    }
    return new StageWork(2.0 * batch * sum, 0);
  }

  /** The memory of a training session and of its step. */
  static StepMemory memory(
      String model, int batch, StoreFormat store, int threads, Kernels kernels) {
    ExecutionPlan plan =
        ExecutionPlan.of(BenchNetworks.of(model), PlanOptions.training(batch, store, false));
    StepTraffic traffic = StepTraffic.of(plan);
    return new StepMemory(
        Session.bytes(plan, SessionOptions.of(threads), kernels),
        traffic.moved(),
        traffic.minimum());
  }
}
