package dev.nibble.engine.train;

import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.SessionOptions;
import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.plan.Buffer;
import dev.nibble.engine.plan.Buffer.Kind;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.FormatBudget;
import dev.nibble.engine.plan.FormatErrors;
import dev.nibble.engine.plan.Lowering;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.engine.plan.StageGraph;
import dev.nibble.engine.plan.StepTraffic;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.plan.Placement;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a training run allocates, to the byte, known before any of it exists. Sizes are in bytes.
 *
 * <p>All memory lies in one slab off the heap, but for the staging of kernels that compute
 * elsewhere, which has its own, and the threads' scratch, which lies on the heap.
 */
public final class TrainingPlan {
  /** Batches that the loader fills ahead while training. */
  static final int LOADER_SLOTS = 2;

  /** Batches in all: evaluations have two of their own. */
  static final int SLOTS = 4;

  /** How much more than its even share a worker may have before a person is told. */
  private static final double MOST_UNEVEN = 1.05;

  private final Network network;
  private final TrainingOptions options;
  private final Kernels kernels;
  private final ExecutionPlan plan;
  private final long staging;
  private final long total;

  /**
   * One buffer of the slab. Time runs from 0 (the batch is read) over 1..S (the stages, forward)
   * and S+1 (the loss) to S+2..2S+1 (the stages, backward) and 2S+2 (the optimiser).
   *
   * @param name what it holds
   * @param kind {@code weights}, {@code store}, {@code common}, {@code batch} or {@code other}
   * @param bytes its size
   * @param offset where it begins in the slab; buffers whose lives do not meet share memory
   * @param firstUse the moment in which it is first written
   * @param lastUse the moment in which it is last read
   */
  public record PlannedBuffer(
      String name, String kind, long bytes, long offset, int firstUse, int lastUse) {}

  /**
   * An activation of which codes are kept.
   *
   * @param layer the layer that keeps it, which is the first to read it
   * @param shape of a picture's
   * @param format of the codes
   * @param bytes that the batch's codes take
   */
  public record KeptActivation(String layer, FeatureMap shape, StoreFormat format, long bytes) {}

  private TrainingPlan(
      Network network, TrainingOptions options, Kernels kernels, ExecutionPlan plan) {
    this.network = network;
    this.options = options;
    this.kernels = kernels;
    this.plan = plan;
    this.staging = Session.stagingBytes(plan, sessionOptions(options), kernels);
    this.total = Session.bytes(plan, sessionOptions(options), kernels);
  }

  /**
   * Plans a run with exactly these options.
   *
   * @param kernels of which those that suit the run best are selected ({@link #kernels})
   * @throws IllegalArgumentException if layers are frozen that the network does not have, or others
   *     that they depend on are not
   */
  public static TrainingPlan of(Network network, TrainingOptions options, Kernels kernels) {
    return of(network, options, kernels, execution(network, options), MemoryAccount.UNLIMITED);
  }

  /** What a person should know before training so: a sentence each, mostly none. */
  public List<String> warnings() {
    if (plan.division().imbalance() > MOST_UNEVEN) {
      return List.of(
          "The batch of %d cannot be shared out evenly by %d workers (%s): all wait for the one with the most."
              .formatted(
                  options.batch(),
                  options.workers().count(),
                  String.join("; ", plan.division().lines(options.batch()))));
    }
    for (Layer layer : network.layers()) {
      if (!options.freezeBatchNorm()
          && layer instanceof Layer.BatchNorm norm
          && (long) options.batch() * norm.output().height() * norm.output().width() == 1) {
        return List.of(
            "The batch norm %s sees a single value a channel, a picture of one pixel, and makes 0 of"
                    .formatted(layer.name())
                + " it: nothing before it can be learned, so take a batch of 2 or more.");
      }
    }
    return List.of();
  }

  /**
   * Selects the kernels for a plan that is made already.
   *
   * @param most bytes that a measurement, if one is needed to select, may take while it lasts
   */
  static TrainingPlan of(
      Network network, TrainingOptions options, Kernels kernels, ExecutionPlan plan, long most) {
    Kernels selected = kernels.select(plan.workload(options.threads()), most);
    return new TrainingPlan(network, options, selected, plan);
  }

  /** The engine's own plan for such a run, whichever kernels compute it. */
  static ExecutionPlan execution(Network network, TrainingOptions options) {
    PlanOptions planned = planOptions(options);
    MixedFormats mixed = options.mixed();
    if (mixed == null || mixed.isChosen()) {
      return ExecutionPlan.of(network, planned);
    }
    if (mixed.averageBits() == 0) {
      throw new IllegalArgumentException(
          "Mixed activations need a budget: give a memory limit, or bits on average such as"
              + " mixed:3");
    }
    return ExecutionPlan.of(network, planOptions(settled(network, options, null)));
  }

  /**
   * The options with formats that are chosen for their average of bits.
   *
   * @param errors what was measured, or null for a table
   */
  static TrainingOptions settled(
      Network network, TrainingOptions options, @Nullable FormatErrors errors) {
    MixedFormats mixed = Objects.requireNonNull(options.mixed());
    if (errors != null && !errors.mixture().isEmpty()) {
      return options.withFormats(mixed.with(errors.mixture()));
    }
    FormatBudget budget = FormatBudget.of(Lowering.lower(network), planOptions(options), errors);
    return options.withFormats(mixed.with(budget.after(budget.within(mixed.averageBits()))));
  }

  static PlanOptions planOptions(TrainingOptions options) {
    return new PlanOptions(
        options.batch(),
        options.store(),
        options.naive(),
        SLOTS,
        options.frozen(),
        options.update(),
        options.earlyStopping() != null,
        options.freezeBatchNorm(),
        options.workers(),
        options.targetSlots(),
        options.mixed() == null ? Map.of() : options.mixed().formats(),
        options.recomputed());
  }

  static SessionOptions sessionOptions(TrainingOptions options) {
    return new SessionOptions(options.threads(), options.labelSmoothing(), options.seed())
        .with(options.lossInUse(), options.mixing().isOn());
  }

  /** The same plan for a run that is saved so often, which takes no memory. */
  TrainingPlan withCheckpointEvery(long steps) {
    return new TrainingPlan(network, options.withCheckpointEvery(steps), kernels, plan);
  }

  /** The engine's own plan. */
  ExecutionPlan execution() {
    return plan;
  }

  /** What is planned. */
  public Network network() {
    return network;
  }

  /** The options that it was planned for. */
  public TrainingOptions options() {
    return options;
  }

  /** The kernels that were selected for the run, and that it was planned for. */
  public Kernels kernels() {
    return kernels;
  }

  /** All that a run allocates: the slab, the kernels' staging and the threads' scratch. */
  public long totalBytes() {
    return total;
  }

  /** The slab. */
  public long slabBytes() {
    return plan.memory().totalBytes();
  }

  /** The least that a slab of these buffers could have: the most that is alive in one moment. */
  public long lowerBoundBytes() {
    return plan.memory().lowerBoundBytes();
  }

  /** The threads' scratch, on the heap; it does not depend on the batch. */
  public long scratchBytes() {
    return total - slabBytes() - staging;
  }

  /**
   * Staging for kernels that compute elsewhere, off the heap; 0 for those on the CPU. It depends on
   * the batch.
   */
  public long stagingBytes() {
    return staging;
  }

  /** Parameters, gradients, the optimiser's state, running statistics, kept weights. */
  public long weightsBytes() {
    return plan.bytes(Kind.WEIGHTS);
  }

  /** Activations stored for the backward pass, the most at one time. */
  public long storeBytes() {
    return plan.mostBytes(Kind.STORE);
  }

  /** The loader's batches. */
  public long batchBytes() {
    return plan.bytes(Kind.BATCH);
  }

  /** Channel tables, partial sums and the like. */
  public long otherBytes() {
    return plan.bytes(Kind.OTHER);
  }

  /**
   * What the common buffers add: the slab without the other kinds, which all live at the same time.
   * They share memory, so it is less than their sum.
   */
  public long commonBytes() {
    return slabBytes() - weightsBytes() - storeBytes() - batchBytes() - otherBytes();
  }

  /** What the same run in fp32 mode would allocate. */
  public long fp32Bytes() {
    PlanOptions exact =
        plan.options()
            .withFormats(Map.of())
            .withRecomputed(List.of())
            .withStore(StoreFormat.FP32, false);
    return Session.bytes(ExecutionPlan.of(plan.graph(), exact), sessionOptions(options), kernels);
  }

  /** The outputs of every layer for the whole batch in fp32: what keeping all would take. */
  public long keepEverythingBytes() {
    return (long) plan.localBatch()
        * network.layers().stream().map(Layer::output).mapToLong(map -> map.bytes()).sum();
  }

  /** What a step reads and writes. */
  public long movedBytes() {
    return StepTraffic.of(plan).moved();
  }

  /** The least that a step of this plan could read and write. */
  public long leastMovedBytes() {
    return StepTraffic.of(plan).minimum();
  }

  /** Fused stages of the network. */
  public int stages() {
    return plan.graph().stages().size();
  }

  /** Every buffer of the slab. */
  public List<PlannedBuffer> buffers() {
    List<PlannedBuffer> list = new ArrayList<>();
    List<Buffer> buffers = plan.all();
    for (int i = 0; i < buffers.size(); i++) {
      Buffer buffer = buffers.get(i);
      Placement placement = plan.memory().placements().get(i);
      list.add(
          new PlannedBuffer(
              buffer.name(),
              buffer.kind().name().toLowerCase(Locale.ROOT),
              buffer.bytes(),
              placement.offset(),
              placement.request().firstUse(),
              placement.request().lastUse()));
    }
    return list;
  }

  /** How each activation of which codes are kept is stored, in the order of the forward pass. */
  public List<KeptActivation> kept() {
    List<KeptActivation> list = new ArrayList<>();
    for (StageGraph.View view : plan.coded()) {
      Buffer buffer = plan.buffers().store(view);
      StoreFormat format = plan.activation(view).store();
      list.add(
          new KeptActivation(
              plan.keeper(view), view.map(), format, buffer == null ? 0 : buffer.bytes()));
    }
    return list;
  }

  /** Bits that a coded value has on average; 0 where there are no codes. */
  public double averageBits() {
    long bytes = 0;
    long values = 0;
    for (KeptActivation kept : kept()) {
      bytes += kept.format().bytes(kept.shape());
      values += kept.shape().values();
    }
    return values == 0 ? 0 : 8.0 * bytes / values;
  }

  /** The largest batch whose run stays within a limit in bytes; 0 if none. */
  public int largestBatch(long limit) {
    long scratch = scratchBytes();
    SessionOptions session = sessionOptions(options);
    return ExecutionPlan.largestBatch(
        network,
        plan.options(),
        limit,
        other -> scratch + Session.stagingBytes(other, session, kernels));
  }
}
