package dev.nibble.engine.infer;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.plan.Buffer;
import dev.nibble.engine.plan.PersistentBuffers;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.Slab;
import dev.nibble.memory.plan.MemoryPlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Every byte of a predictor: one slab with the shared buffers and, behind them, each context's; on
 * the heap the packed weights and the contexts' scratch.
 */
final class PredictorMemory implements AutoCloseable {
  private static final String HEAP = "packed weights and scratch";

  private final InferencePlan plan;
  private final MemoryAccount account;
  private final Slab slab;
  private final long heapBytes;
  private final float[][] packed;

  PredictorMemory(InferencePlan plan, MemoryAccount account) {
    this.plan = plan;
    this.account = account;
    this.heapBytes = plan.heapBytes();
    account.reserve(heapBytes, HEAP);
    try {
      this.packed = new float[plan.graph().stages().size()][];
      for (int i = 0; i < packed.length; i++) {
        packed[i] = new float[plan.packedFloats(i)];
      }
      // Last, since nothing but a close would free it.
      this.slab = Slab.allocate(account, plan.slabBytes(), "weights and activations");
    } catch (RuntimeException | Error e) {
      account.release(heapBytes, HEAP);
      throw e;
    }
  }

  /** The slab: all buffers lie in it. */
  MemorySegment segment() {
    return slab.segment();
  }

  /** A context's own buffer, or one that all contexts share. */
  MemorySegment view(Buffer buffer, int context) {
    boolean shared = InferencePlan.isShared(buffer);
    MemoryPlan part = shared ? plan.shared() : plan.context();
    long base = shared ? 0 : plan.shared().totalBytes() + context * plan.context().totalBytes();
    long offset = part.placements().get(plan.place(buffer)).offset();
    return slab.segment().asSlice(base + offset, buffer.bytes());
  }

  /** A shared buffer. */
  MemorySegment view(Buffer buffer) {
    return view(buffer, 0);
  }

  /** A parameter of the folded network. */
  MemorySegment parameter(Parameter parameter) {
    PersistentBuffers persistent = plan.plan().buffers().persistent();
    Buffer buffer =
        parameter.kind().trainable()
            ? persistent.weights()
            : Objects.requireNonNull(
                persistent.runningStatistics(), "batch norm has running statistics");
    return view(buffer).asSlice(4L * parameter.offset(), 4L * parameter.size());
  }

  /** The channel table of a way to read a tensor. */
  MemorySegment table(View view) {
    PersistentBuffers persistent = plan.plan().buffers().persistent();
    long bytes = ChannelTable.bytes(view.map().channels());
    return view(persistent.tables()).asSlice(persistent.tableOffset(view), bytes);
  }

  /** The packed weights of a stage; empty without weights. */
  float[] packed(int stage) {
    return packed[stage];
  }

  /** Fills the tables of the batch norms that are left, and of slopes, from their parameters. */
  void fillTables(Kernels kernels) {
    Network network = plan.folded().network();
    try (Arena arena = Arena.ofConfined()) {
      for (View view : plan.graph().views()) {
        Activation activation = plan.plan().activation(view);
        if (!activation.needsTable()) {
          continue;
        }
        int channels = view.map().channels();
        long bytes = 4L * channels;
        MemorySegment moments = arena.allocate(2 * bytes, 64);
        if (view.norm() == null) {
          kernels.fillTable(activation, channels, 0, channels, moments, null, null, 1, table(view));
          fillSlopes(kernels, view);
          continue;
        }
        String norm = view.norm().name();
        MemorySegment mean = parameter(network.parameter(norm + ".running_mean"));
        MemorySegment variance = parameter(network.parameter(norm + ".running_var"));
        MemorySegment.copy(mean, 0, moments, 0, bytes);
        MemorySegment.copy(variance, 0, moments, bytes, bytes);
        kernels.fillTable(
            activation,
            channels,
            0,
            channels,
            moments,
            parameter(network.parameter(norm + ".weight")),
            parameter(network.parameter(norm + ".bias")),
            view.norm().epsilon(),
            table(view));
        fillSlopes(kernels, view);
      }
    }
  }

  private void fillSlopes(Kernels kernels, View view) {
    if (view.slope() != null) {
      int channels = view.map().channels();
      kernels.fillSlopes(channels, 0, channels, parameter(view.slope()), table(view));
    }
  }

  @Override
  public void close() {
    slab.close();
    account.release(heapBytes, HEAP);
  }
}
