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
 * The memory of a predictor before it exists: what all lanes share (weights, tables), and what each
 * lane has for itself (the tensors of a few pictures).
 */
final class InferencePlan {
  /** What a lane's tensors may take: a core's second cache and its share of the third. */
  private static final long CACHE_BYTES = 2 << 20;

  /**
   * Several pictures share one passage of the weights through the cache. Measured on Zen 4, 1 MiB
   * of second cache: four at once take 0.98 of the time of one by one for ResNet-20, whose weights
   * nearly fit, and 0.91 for ResNet-164; eight take 0.99 and 0.95.
   */
  private static final int MOST_AT_ONCE = 4;

  private final FoldedNetwork folded;
  private final ExecutionPlan plan;
  private final int lanes;
  private final Workload workload;
  private final Kernels kernels;
  private final MemoryPlan shared;
  private final MemoryPlan lane;

  /** Position of a buffer in its own plan, shared or a lane's, by its index in the whole plan. */
  private final int[] places;

  private InferencePlan(FoldedNetwork folded, int picturesAtOnce, int lanes, Kernels kernels) {
    this.folded = folded;
    this.lanes = lanes;
    this.plan = ExecutionPlan.of(folded.network(), PlanOptions.inference(picturesAtOnce));
    // A lane takes its pictures through in one group of its own.
    this.workload = new Workload(plan.workload(lanes).stages(), picturesAtOnce, 1, lanes);
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
    this.lane = MemoryPlan.of(own);
  }

  /**
   * Plans for that many lanes.
   *
   * @param picturesAtOnce pictures that a lane holds; 0 takes as many as the cache does
   * @param kernels of which those that suit the predictor best are selected
   */
  static InferencePlan of(Network network, int picturesAtOnce, int lanes, Kernels kernels) {
    FoldedNetwork folded = FoldedNetwork.of(network);
    int pictures = picturesAtOnce > 0 ? picturesAtOnce : picturesInCache(folded);
    return new InferencePlan(folded, pictures, lanes, kernels);
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
   * Tensors and pictures are a lane's own; everything else only read, or only used at the start.
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

  /** What they will run: in each lane, all its pictures in one group. */
  Workload workload() {
    return workload;
  }

  /** Pictures that a lane holds. */
  int picturesAtOnce() {
    return plan.options().batch();
  }

  MemoryPlan shared() {
    return shared;
  }

  MemoryPlan lane() {
    return lane;
  }

  int place(Buffer buffer) {
    return places[buffer.index()];
  }

  /** Floats of the packed weights of a stage; 0 without weights. */
  int packedFloats(int stage) {
    boolean weights = plan.stage(stage).operator().weights() > 0;
    return weights ? kernels.packedFloats(plan.stage(stage)) : 0;
  }

  /** Floats of the scratch that a lane needs. */
  int scratchFloats() {
    int most = 0;
    for (int i = 0; i < graph().stages().size(); i++) {
      most = Math.max(most, kernels.scratchFloats(plan.stage(i)));
    }
    return most;
  }

  /** Bytes of the slab: what is shared, and each lane's. */
  long slabBytes() {
    return shared.totalBytes() + lanes * lane.totalBytes();
  }

  /** Bytes on the heap: the lanes' scratch and packed weights. */
  long heapBytes() {
    long floats = (long) lanes * scratchFloats();
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
