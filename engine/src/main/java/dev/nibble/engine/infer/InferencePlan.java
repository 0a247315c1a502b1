package dev.nibble.engine.infer;

import dev.nibble.engine.network.FoldedNetwork;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.plan.Buffer;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.engine.plan.StageGraph;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Workload;
import dev.nibble.memory.plan.BufferRequest;
import dev.nibble.memory.plan.MemoryPlan;
import java.util.ArrayList;
import java.util.List;

/**
 * The memory of a predictor before it exists: what all contexts share (weights, tables), and what
 * each context has for itself (the tensors of a few pictures).
 */
final class InferencePlan {
  /** What a context's tensors may take: a core's second cache and its share of the third. */
  private static final long CACHE_BYTES = 2 << 20;

  /**
   * Several pictures share one passage of the weights through the cache. Measured on Zen 4, 1 MiB
   * of second cache: four at once take 0.98 of the time of one by one for ResNet-20, whose weights
   * nearly fit, and 0.91 for ResNet-164; eight take 0.99 and 0.95.
   */
  private static final int MOST_AT_ONCE = 4;

  private final FoldedNetwork folded;
  private final ExecutionPlan plan;
  private final int contexts;
  private final Workload workload;
  private final Kernels kernels;
  private final MemoryPlan shared;
  private final MemoryPlan context;

  /**
   * Position of a buffer in its own plan, shared or a context's, by its index in the whole plan.
   */
  private final int[] places;

  private InferencePlan(FoldedNetwork folded, int picturesAtOnce, int contexts, Kernels kernels) {
    this.folded = folded;
    this.contexts = contexts;
    this.plan = ExecutionPlan.of(folded.network(), PlanOptions.inference(picturesAtOnce));
    // A context takes its pictures through in one group of its own.
    this.workload = new Workload(plan.workload(contexts).stages(), picturesAtOnce, 1, contexts);
    this.kernels = kernels.select(workload);
    List<BufferRequest> all = new ArrayList<>();
    List<BufferRequest> own = new ArrayList<>();
    places = new int[plan.all().size()];
    for (Buffer buffer : plan.all()) {
      List<BufferRequest> list = isShared(buffer) ? all : own;
      places[buffer.index()] = list.size();
      list.add(plan.memory().placements().get(buffer.index()).request());
    }
    this.shared = MemoryPlan.of(all);
    this.context = MemoryPlan.of(own);
  }

  /**
   * Plans for that many contexts.
   *
   * @param picturesAtOnce pictures that a context holds; 0 takes as many as the cache does
   * @param kernels of which those that suit the predictor best are selected
   */
  static InferencePlan of(Network network, int picturesAtOnce, int contexts, Kernels kernels) {
    FoldedNetwork folded = FoldedNetwork.of(network);
    int pictures = picturesAtOnce > 0 ? picturesAtOnce : picturesInCache(folded);
    return new InferencePlan(folded, pictures, contexts, kernels);
  }

  /** Before kernels are selected, which may take a measurement of just this workload. */
  private static int picturesInCache(FoldedNetwork folded) {
    ExecutionPlan one = ExecutionPlan.of(folded.network(), PlanOptions.inference(1));
    List<BufferRequest> own =
        one.all().stream()
            .filter(buffer -> !isShared(buffer))
            .map(buffer -> one.memory().placements().get(buffer.index()).request())
            .toList();
    return Math.clamp(CACHE_BYTES / MemoryPlan.of(own).totalBytes(), 1, MOST_AT_ONCE);
  }

  /**
   * Tensors and pictures are a context's own; everything else only read, or only used at the start.
   */
  static boolean isShared(Buffer buffer) {
    return buffer.kind() != Buffer.Kind.COMMON && buffer.kind() != Buffer.Kind.BATCH;
  }

  FoldedNetwork folded() {
    return folded;
  }

  ExecutionPlan plan() {
    return plan;
  }

  StageGraph graph() {
    return plan.graph();
  }

  /** The kernels that were selected. */
  Kernels kernels() {
    return kernels;
  }

  /** What they will run: in each context, all its pictures in one group. */
  Workload workload() {
    return workload;
  }

  /** Pictures that a context holds. */
  int picturesAtOnce() {
    return plan.options().batch();
  }

  MemoryPlan shared() {
    return shared;
  }

  MemoryPlan context() {
    return context;
  }

  int place(Buffer buffer) {
    return places[buffer.index()];
  }

  /** Floats of the packed weights of a stage; 0 without weights. */
  int packedFloats(int stage) {
    boolean weights = plan.stage(stage).operator().weights() > 0;
    return weights ? kernels.packedFloats(plan.stage(stage)) : 0;
  }

  /** Floats of the scratch that a context needs. */
  int scratchFloats() {
    int most = 0;
    for (int i = 0; i < graph().stages().size(); i++) {
      most = Math.max(most, kernels.scratchFloats(plan.stage(i)));
    }
    return most;
  }

  /** Bytes of the slab: what is shared, and each context's. */
  long slabBytes() {
    return shared.totalBytes() + contexts * context.totalBytes();
  }

  /** Bytes on the heap: the contexts' scratch and packed weights. */
  long heapBytes() {
    long floats = (long) contexts * scratchFloats();
    for (int i = 0; i < graph().stages().size(); i++) {
      floats += packedFloats(i);
    }
    return 4 * floats;
  }

  /** Multiply-adds for one picture. */
  long multiplyAdds() {
    long sum = 0;
    for (int i = 0; i < graph().stages().size(); i++) {
      sum += plan.stage(i).operator().multiplyAdds();
    }
    return sum;
  }
}
