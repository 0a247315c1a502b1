package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import dev.nibble.engine.data.loading.BatchShare;
import dev.nibble.engine.data.loading.BatchSlot;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.kernels.Draw;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Workload;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.plan.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A network in memory, ready to be trained or evaluated: owns the slab, the threads and their
 * scratch, and the kernels that were opened for it.
 *
 * <p>Used by one thread at a time. A batch is put into a slot (or straight into {@link #input()}),
 * then {@link #train} or {@link #evaluate} runs it. Neither allocates.
 */
public final class Session implements AutoCloseable {
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  private final Network network;
  private final ExecutionPlan plan;
  private final long seed;
  private final Kernels kernels;
  private final String kernelsDescription;
  private final MemoryAccount account;
  private final Resources resources = new Resources();
  private final Binder binder;
  private final StagePasses passes;
  private final KeptWeights kept;
  private final List<BatchSlot> slots;
  private boolean closed;

  /** Makes the passes; a constructor in use, a fault in tests. */
  interface PassesFactory {
    StagePasses make(
        ExecutionPlan plan,
        Binder binder,
        Kernels kernels,
        WorkerPool pool,
        Scratch scratch,
        SessionOptions options);
  }

  private Session(
      ExecutionPlan plan,
      SessionOptions options,
      Kernels kernels,
      MemoryAccount parent,
      PassesFactory factory) {
    this.network = plan.graph().network();
    this.seed = options.seed();
    this.plan = plan;
    Workload workload = plan.workload(options.threads());
    this.kernels = kernels.select(workload);
    SharedBatch.check(plan, options, this.kernels);
    checkLimit(parent, bytes(plan, options, this.kernels));
    this.account = parent.child("session " + network.name(), MemoryAccount.UNLIMITED);
    resources.add(account::close);
    try {
      Scratch scratch = new Scratch(plan, this.kernels, options.threads(), account);
      resources.add(scratch::close);
      Workspace workspace = Workspace.open(account, plan.memory(), "workspace");
      resources.add(workspace::close);
      OpenKernels opened = OpenKernels.open(this.kernels, workload, workspace.segment(), account);
      resources.add(opened::close);
      this.kernelsDescription = opened.kernels().description();
      WorkerPool pool = new WorkerPool(options.threads(), "nibble-" + network.name());
      resources.add(pool::close);
      this.binder = new Binder(plan, workspace);
      this.passes = factory.make(plan, binder, opened.kernels(), pool, scratch, options);
      this.kept = new KeptWeights(plan, binder);
      this.slots = plan.buffers().persistent().slots().stream().map(binder::slot).toList();
      RunningStatistics.start(network, binder);
    } catch (RuntimeException | Error e) {
      resources.closeAfter(e);
      throw e;
    }
  }

  /**
   * Allocates everything that the plan lists, and opens the kernels that are selected for it.
   *
   * @throws dev.nibble.memory.MemoryLimitException if the account has less free than is needed
   * @throws dev.nibble.kernels.DeviceException if the kernels' device refuses something
   */
  public static Session open(
      ExecutionPlan plan, SessionOptions options, Kernels kernels, MemoryAccount account) {
    return open(plan, options, kernels, account, StagePasses::new);
  }

  static Session open(
      ExecutionPlan plan,
      SessionOptions options,
      Kernels kernels,
      MemoryAccount account,
      PassesFactory factory) {
    return new Session(plan, options, kernels, account, factory);
  }

  /**
   * Bytes that a session takes: the plan's slab, the kernels' staging and, on the heap, the
   * threads' scratch.
   */
  public static long bytes(ExecutionPlan plan, SessionOptions options, Kernels kernels) {
    Kernels selected = kernels.select(plan.workload(options.threads()));
    return plan.memory().totalBytes()
        + stagingBytes(plan, options, selected)
        + Scratch.bytes(plan, selected, options.threads());
  }

  /** Bytes of staging that the kernels, which were selected for the plan, need in a session. */
  public static long stagingBytes(ExecutionPlan plan, SessionOptions options, Kernels selected) {
    return OpenKernels.bytes(selected, plan.workload(options.threads()));
  }

  private void checkLimit(MemoryAccount parent, long total) {
    // All reservations are tried as one, so that nothing is allocated if their sum does not fit.
    String purpose = "training " + network.name() + " with a batch of " + plan.options().batch();
    if (!plan.options().isTraining()) {
      purpose = "evaluating " + network.name() + " with a batch of " + plan.options().batch();
    }
    parent.reserve(total, purpose);
    parent.release(total, purpose);
  }

  /** What is trained. */
  public Network network() {
    return network;
  }

  /** The plan it runs. */
  public ExecutionPlan plan() {
    return plan;
  }

  /** The kernels that were selected, to plan and open other sessions with; not to compute with. */
  public Kernels kernels() {
    return kernels;
  }

  /** What computes, for people: which kernels, and what of the network a device has no room for. */
  public String kernelsDescription() {
    return kernelsDescription;
  }

  /** Bytes held now. */
  public long usedBytes() {
    return account.used();
  }

  /** The batches that a loader may fill. */
  public List<BatchSlot> slots() {
    return slots;
  }

  /**
   * The pictures of every batch that this session computes: all, but for one of several workers.
   */
  public BatchShare share() {
    return plan.division().share();
  }

  /** The network's input, fp32 N,H,W,C, which {@link #load} fills from a slot. */
  public MemorySegment input() {
    return binder.view(plan.buffers().tensor(plan.graph().tensors().getFirst()));
  }

  /** The logits of the last pass, fp32 N,classes. */
  public MemorySegment logits() {
    return binder.view(plan.buffers().tensor(plan.graph().logits()));
  }

  /** A parameter's values, in memory order ({@link Parameter#memoryIndex}). */
  public MemorySegment values(Parameter parameter) {
    return binder.parameter(parameter);
  }

  /** All trainable parameters, flat. */
  public MemorySegment weights() {
    return binder.view(plan.buffers().persistent().weights());
  }

  /** All running statistics, flat; empty for a network without batch norm. */
  public MemorySegment runningStatistics() {
    MemorySegment state = binder.viewOrNull(plan.buffers().persistent().runningStatistics());
    return state == null ? MemorySegment.NULL : state;
  }

  /**
   * The last step's gradients, flat, like {@link #weights()} from the first trained parameter on;
   * clipped, where the rule clips.
   */
  public MemorySegment gradients() {
    return binder.view(training(plan.buffers().persistent().gradients()));
  }

  /** A trained parameter's part of {@link #gradients()}. */
  public MemorySegment gradient(Parameter parameter) {
    training(plan.buffers().persistent().gradients());
    return binder.gradient(parameter);
  }

  /** What makes steps of the gradients. */
  public ParameterUpdate update() {
    return training(passes.update());
  }

  /** The weights beside those in training, and which of them are in use. */
  public KeptWeights kept() {
    return kept;
  }

  private static <T> T training(@Nullable T part) {
    if (part == null) {
      throw new IllegalStateException("This session was planned for inference");
    }
    return part;
  }

  /** Sets how pictures become the input: {@code (byte / 255 - mean) / std}, a value a channel. */
  public void setNormalization(float[] mean, float[] std, boolean pictureMean) {
    passes.input().configure(mean, std, pictureMean);
  }

  /** Normalises, crops and mirrors the pictures of one of this session's slots into the input. */
  public void load(BatchSlot slot) {
    checkCount(slot.total());
    int index = slots.indexOf(slot);
    if (index < 0) {
      throw new IllegalArgumentException("The slot belongs to another session");
    }
    passes.input().run(index, slot.count());
  }

  /**
   * One training step on the first {@code count} pictures of the input: forward, loss, backward,
   * and, unless the loss is not finite, the optimiser. The batches that were given to {@link
   * #accumulate} since the last step belong to it.
   *
   * @param labels 32-bit integers or, where the loss or {@link SessionOptions#soft} asks for
   *     targets, fp32, one for each output; with room for a whole batch, of which {@code count} are
   *     read ({@link BatchSlot#wanted})
   * @param rate learning rate
   * @return whether the loss and, where the rule clips, the gradients' norm were finite; if not,
   *     the weights are as before the step (the running statistics are not)
   * @throws IllegalStateException if other weights than the trained ones are in use
   */
  public boolean train(MemorySegment labels, int count, float rate) {
    return finiteGradient(labels, count) && update().step(rate, count);
  }

  /**
   * The first part of a step on several batches: adds a batch's gradients to those of the step that
   * {@link #train} makes with its last batch. All its pictures count alike.
   *
   * @return whether the loss was finite; if not, the step's batches are forgotten
   * @throws IllegalStateException if the plan's rule takes one batch a step, or other weights than
   *     the trained ones are in use
   */
  public boolean accumulate(MemorySegment labels, int count) {
    if (!finiteGradient(labels, count)) {
      return false;
    }
    update().accumulate(count);
    return true;
  }

  private boolean finiteGradient(MemorySegment labels, int count) {
    if (kept.inUse() != KeptWeights.Version.TRAINED) {
      throw new IllegalStateException(
          "The " + kept.inUse() + " weights are in use: training needs the TRAINED ones");
    }
    gradient(labels, count);
    if (Double.isFinite(lossSum())) {
      return true;
    }
    update().dropGroup();
    return false;
  }

  /** Forward, loss and backward, leaving {@link #gradients()}; the weights stay. */
  public void gradient(MemorySegment labels, int count) {
    checkCount(count);
    if (!plan.options().isTraining()) {
      throw new IllegalStateException("This session was planned for inference");
    }
    // The step's number, so that a training that goes on draws what it would have drawn; and of the
    // pictures of all workers the first that this one computes, so that they draw what one would.
    long first = (long) update().grouped() + share().first(count);
    Draw.set(binder.draws(), seed + GOLDEN * update().steps(), first);
    passes.forward(count, true);
    passes.loss(labels, count, true);
    passes.backward(count);
  }

  /**
   * Forward and loss, as {@link #gradient} begins; the way back is then the caller's to walk, a
   * stage at a time, before it uses the session for anything else.
   */
  public BackwardWalk walkBack(MemorySegment labels, int count) {
    checkCount(count);
    if (!plan.options().isTraining()) {
      throw new IllegalStateException("This session was planned for inference");
    }
    passes.forward(count, true);
    passes.loss(labels, count, true);
    return new BackwardWalk(plan, passes, count);
  }

  /** Forward pass with running statistics, and the loss. */
  public void evaluate(MemorySegment labels, int count) {
    predict(count);
    passes.loss(labels, count, false);
  }

  /** Forward pass with running statistics, leaving {@link #logits()}. */
  public void predict(int count) {
    checkCount(count);
    passes.forward(count, false);
  }

  /** The logits of the whole batch that was last evaluated, those of other workers among them. */
  public MemorySegment evaluatedLogits() {
    SharedBatch shared = passes.shared();
    return shared == null ? logits() : shared.loss().logits();
  }

  /**
   * What the pictures of the whole batch that was last evaluated should have come to.
   *
   * @param own what {@link #evaluate} was given
   */
  public MemorySegment evaluatedLabels(MemorySegment own) {
    SharedBatch shared = passes.shared();
    return shared == null ? own : shared.loss().wanted();
  }

  /** Asks all workers that share the batches to stop: after the next batch all know of it. */
  public void wishToStop() {
    SharedBatch shared = passes.shared();
    if (shared != null) {
      shared.loss().wishToStop();
    }
  }

  /** Whether one of several workers has asked to stop; all are told at the same batch. */
  public boolean isStopAgreed() {
    SharedBatch shared = passes.shared();
    return shared != null && shared.loss().isStopAgreed();
  }

  /**
   * Where several workers normalise with statistics of their own, takes over the first one's
   * running statistics; all call it at the same place.
   */
  public void agreeOnStatistics() {
    SharedBatch shared = passes.shared();
    if (shared != null) {
      shared.exchangeState();
    }
  }

  /** Sum of the last batch's losses. */
  public double lossSum() {
    return binder.view(plan.buffers().persistent().scalars()).get(JAVA_DOUBLE, 0);
  }

  /** Number of the last batch's pictures that were classified correctly. */
  public int correct() {
    return (int) binder.view(plan.buffers().persistent().scalars()).get(JAVA_DOUBLE, 8);
  }

  private void checkCount(int count) {
    if (closed) {
      throw new IllegalStateException("The session is closed");
    }
    if (count < 1 || count > plan.options().batch()) {
      throw new IllegalArgumentException(
          "The session holds 1 to " + plan.options().batch() + " pictures, not " + count);
    }
  }

  /**
   * Frees everything; later calls throw.
   *
   * @throws dev.nibble.kernels.DeviceException if the kernels' device refuses to free something;
   *     everything else is freed all the same
   */
  @Override
  public void close() {
    closed = true;
    resources.close();
  }
}
