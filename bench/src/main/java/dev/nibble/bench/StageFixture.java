package dev.nibble.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.exec.OpenKernels;
import dev.nibble.kernels.Activation;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.Workload;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.Slab;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * One BN-ReLU-convolution stage on random values, run on the calling thread. With {@link
 * StoreFormat#KEPT} it is a first or last layer's: no batch norm and no ReLU before it, its input
 * kept.
 */
final class StageFixture implements AutoCloseable {
  private final MemoryAccount account = MemoryAccount.root("stage", MemoryAccount.UNLIMITED);
  private final Slab slab;
  private final OpenKernels opened;
  private final Kernels kernels;
  private final int batch;
  private final ForwardArgs forward;
  private final BackwardArgs backward;
  private final float[] packed;
  private final float[] scratch;
  private final Cut forwardCut;
  private final Cut backwardCut;
  private final Cut weightCut;
  private final SplittableRandom random = new SplittableRandom(3);

  /** Bytes of the slab that are taken. */
  private long used;

  /**
   * Fills the buffers and runs the stage forward once.
   *
   * @param batch pictures a pass
   */
  StageFixture(Kernels provider, Operator operator, StoreFormat store, int batch) {
    this.batch = batch;
    FeatureMap in = operator.input();
    FeatureMap out = operator.output();
    boolean kept = store == StoreFormat.KEPT;
    Activation activation = new Activation(!kept, !kept, store, false);
    Stage stage = new Stage(operator, activation, null, true);
    slab = Slab.allocate(account, bytes(stage, batch), "buffers");
    Workload workload = new Workload(List.of(stage), batch, 1, 1);
    Kernels selected = provider.select(workload);
    opened = OpenKernels.open(selected, workload, slab.segment(), account);
    kernels = opened.kernels();
    MemorySegment x = random(batch * in.bytes());
    MemorySegment table = activation.needsTable() ? table(activation, in.channels()) : null;
    MemorySegment copy = store.isWritten() ? zeros(batch * store.bytes(in)) : null;
    MemorySegment weights = random(4L * operator.weights());
    MemorySegment y = zeros(batch * out.bytes());
    forwardCut = Cut.forward(stage, batch);
    backwardCut = Cut.backward(stage, batch);
    weightCut = Cut.weights(stage, batch);
    MemorySegment sums = zeros(forwardCut.leaves() * Partials.statisticsBytes(out.channels()));
    forward = new ForwardArgs(stage, batch, x, table, copy, weights, null, null, null, y, sums);
    MemorySegment dy = random(batch * out.bytes());
    backward =
        new BackwardArgs(
            stage,
            batch,
            List.of(GradientTerm.plain(dy, out)),
            null,
            kept ? x : null,
            table,
            copy,
            weights,
            null,
            List.of(),
            needsInputGradient(operator, store) ? zeros(batch * in.bytes()) : null,
            operator.weights() > 0 ? zeros(weightCut.groups() * Partials.weightBytes(stage)) : null,
            zeros(backwardCut.leaves() * Partials.sumBytes(stage)));
    packed = new float[kernels.packedFloats(stage)];
    scratch = new float[kernels.scratchFloats(stage)];
    forward();
  }

  /** Whether anybody asks for the gradient of the stage's input: not before the first layer. */
  static boolean needsInputGradient(Operator operator, StoreFormat store) {
    return store != StoreFormat.KEPT || operator.input().pixels() == 1;
  }

  private MemorySegment table(Activation activation, int channels) {
    MemorySegment moments = zeros(8L * channels);
    MemorySegment gamma = zeros(4L * channels);
    MemorySegment beta = zeros(4L * channels);
    for (int c = 0; c < channels; c++) {
      moments.set(JAVA_FLOAT, 4L * (channels + c), 1 / 3f);
      gamma.set(JAVA_FLOAT, 4L * c, 1);
    }
    MemorySegment table = zeros(ChannelTable.bytes(channels));
    kernels.fillTable(activation, channels, 0, channels, moments, gamma, beta, 1e-3f, table);
    return table;
  }

  /** An upper bound for all buffers: x, y, their gradients, codes, weights, sums, tables. */
  private static long bytes(Stage stage, int batch) {
    FeatureMap in = stage.operator().input();
    FeatureMap out = stage.operator().output();
    long channels = in.channels();
    long[] buffers = {
      batch * in.bytes(),
      batch * in.bytes(),
      batch * out.bytes(),
      batch * out.bytes(),
      batch * stage.activation().store().bytes(in),
      4L * stage.operator().weights(),
      Cut.forward(stage, batch).leaves() * Partials.statisticsBytes(out.channels()),
      Cut.weights(stage, batch).groups() * Partials.weightBytes(stage),
      Cut.backward(stage, batch).leaves() * Partials.sumBytes(stage),
      ChannelTable.bytes(in.channels()),
      8 * channels,
      4 * channels,
      4 * channels
    };
    return Arrays.stream(buffers).map(Slab::sizeFor).sum();
  }

  private MemorySegment zeros(long bytes) {
    MemorySegment buffer = slab.segment().asSlice(used, bytes);
    used += Slab.sizeFor(bytes);
    return buffer;
  }

  private MemorySegment random(long bytes) {
    MemorySegment segment = zeros(bytes);
    for (long i = 0; i < bytes / 4; i++) {
      segment.set(JAVA_FLOAT, 4 * i, (float) (random.nextDouble() * 2 - 1));
    }
    return segment;
  }

  /** Runs the forward pass; returns an output value. */
  float forward() {
    Cut cut = forwardCut;
    int portions = kernels.portions(forward.stage());
    int units = kernels.packUnits(forward.stage()) / portions;
    for (int portion = 0; portion < portions; portion++) {
      for (int unit = 0; unit < units; unit++) {
        kernels.packForward(forward, portion * units + unit, packed);
      }
      for (int leaf = 0; leaf < cut.leaves(); leaf++) {
        if (cut.part(leaf) * portions / cut.parts() == portion) {
          int from = cut.from(leaf, batch);
          int to = cut.to(leaf, batch);
          kernels.forward(forward, leaf, from, to, cut.part(leaf), cut.parts(), packed, scratch);
        }
      }
    }
    return forward.y().get(JAVA_FLOAT, 0);
  }

  /** Runs the backward pass; returns a gradient value. */
  float backward() {
    Stage stage = backward.stage();
    boolean fused = Cut.isFused(stage, batch);
    if (fused || backward.dx() != null || stage.activation().normalize()) {
      int portions = kernels.portions(stage);
      int units = kernels.packUnits(stage) / portions;
      for (int portion = 0; portion < portions; portion++) {
        for (int unit = 0; unit < units; unit++) {
          kernels.packBackward(backward, portion * units + unit, packed);
        }
        data(fused, portion, portions);
      }
    }
    if (!fused && stage.needsInputValues()) {
      weights();
    }
    MemorySegment gradients = backward.gradients();
    return gradients == null ? 0 : gradients.get(JAVA_FLOAT, 0);
  }

  private void data(boolean fused, int portion, int portions) {
    Cut cut = backwardCut;
    for (int leaf = 0; leaf < cut.leaves(); leaf++) {
      if (cut.part(leaf) * portions / cut.parts() != portion) {
        continue;
      }
      int from = cut.from(leaf, batch);
      int to = cut.to(leaf, batch);
      if (fused) {
        kernels.backward(backward, leaf, from, to, cut.part(leaf), cut.parts(), packed, scratch);
      } else {
        kernels.backwardData(
            backward, leaf, from, to, cut.part(leaf), cut.parts(), packed, scratch);
      }
    }
  }

  private void weights() {
    Cut cut = weightCut;
    for (int leaf = 0; leaf < cut.leaves(); leaf++) {
      int from = cut.from(leaf, batch);
      int to = cut.to(leaf, batch);
      kernels.backwardWeights(
          backward, cut.group(leaf), from, to, cut.part(leaf), cut.parts(), scratch);
    }
  }

  /** What the forward pass reads and writes. */
  ForwardArgs forwardArgs() {
    return forward;
  }

  /** What the backward pass reads and writes. */
  BackwardArgs backwardArgs() {
    return backward;
  }

  @Override
  public void close() {
    opened.close();
    slab.close();
    account.close();
  }
}
