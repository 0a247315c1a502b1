package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.Exchange;
import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PersistentBuffers;
import dev.nibble.kernels.HostKernels;
import dev.nibble.kernels.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Everything that workers who share a batch exchange in a step. */
final class SharedBatch {
  private final List<StageExchange> stages = new ArrayList<>();
  private final LossExchange loss;
  private final @Nullable Exchange norms;
  private final List<MemorySegment> normParts = new ArrayList<>();
  private final List<MemorySegment> normGradients = new ArrayList<>();
  private final @Nullable Exchange state;
  private final int rank;
  private final Collective collective;
  private final int depth;

  SharedBatch(
      ExecutionPlan plan,
      Binder binder,
      Kernels kernels,
      List<BoundStage> bound,
      SessionOptions options) {
    Collective collective = Objects.requireNonNull(options.collective());
    this.rank = collective.rank();
    PersistentBuffers buffers = plan.buffers().persistent();
    boolean training = plan.options().isTraining();
    for (int i = 0; i < bound.size(); i++) {
      StageExchange exchange = new StageExchange(plan, i, bound.get(i), binder);
      if (training) {
        exchange.prepare(collective, bound.get(i));
      }
      stages.add(exchange);
    }
    this.collective = collective;
    PersistentBuffers.Shared own = buffers.shared();
    this.depth = own == null ? 1 : own.layout().depth();
    this.loss = new LossExchange(plan, binder, kernels, options, collective);
    MemorySegment local =
        buffers.shared() == null ? null : binder.viewOrNull(buffers.shared().local());
    if (local == null || !training) {
      this.norms = null;
      this.state = null;
      return;
    }
    long bytes = PersistentBuffers.normBytes(plan);
    for (int worker = 0; worker < collective.size(); worker++) {
      normParts.add(local.asSlice(worker * bytes, bytes));
    }
    for (Parameter parameter : plan.graph().network().parameters()) {
      if (plan.isTrained(parameter) && PersistentBuffers.isOfNorm(parameter)) {
        normGradients.add(binder.gradient(parameter));
      }
    }
    this.norms = collective.allGather("the norms' gradients", normParts);
    MemorySegment running = binder.viewOrNull(buffers.runningStatistics());
    this.state =
        running == null ? null : collective.broadcast("the running statistics", 0, running);
  }

  /** Stages whose weights' gradients may be under way at a time. */
  int depth() {
    return depth;
  }

  /** Moves what is under way, now and then, while this worker computes. */
  void progress() {
    collective.progress();
  }

  /** Checks that a plan suits the workers that are to run it. */
  static void check(ExecutionPlan plan, SessionOptions options, Kernels kernels) {
    Collective collective = options.collective();
    Workers workers = plan.options().workers();
    int count = collective == null ? 1 : collective.size();
    int rank = collective == null ? 0 : collective.rank();
    if (count != workers.count() || rank != workers.rank()) {
      throw new IllegalArgumentException("The plan is for other workers than those that run it");
    }
    if (count > 1 && !(kernels instanceof HostKernels)) {
      throw new IllegalArgumentException(
          "Workers share batches on the CPU only: take other kernels than " + kernels.name());
    }
  }

  StageExchange stage(int index) {
    return stages.get(index);
  }

  LossExchange loss() {
    return loss;
  }

  /**
   * With local batch norm, adds what the workers have of the scales' and shifts' gradients, in
   * their order.
   */
  void exchangeNorms() {
    Exchange exchange = norms;
    if (exchange == null) {
      return;
    }
    long at = 0;
    for (int i = 0; i < normGradients.size(); i++) {
      MemorySegment gradient = normGradients.get(i);
      MemorySegment.copy(gradient, 0, normParts.get(rank), at, gradient.byteSize());
      at += gradient.byteSize();
    }
    exchange.run();
    at = 0;
    for (int i = 0; i < normGradients.size(); i++) {
      MemorySegment gradient = normGradients.get(i);
      for (long value = 0; value < gradient.byteSize(); value += 4) {
        float sum = 0;
        for (int worker = 0; worker < normParts.size(); worker++) {
          sum += normParts.get(worker).get(JAVA_FLOAT, at + value);
        }
        gradient.set(JAVA_FLOAT, value, sum);
      }
      at += gradient.byteSize();
    }
  }

  /** With local batch norm, takes over the first worker's running statistics. */
  void exchangeState() {
    if (state != null) {
      state.run();
    }
  }
}
