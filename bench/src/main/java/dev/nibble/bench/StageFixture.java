package dev.nibble.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.StoreFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;

/** One BN-ReLU-convolution stage on random values, run on the calling thread. */
final class StageFixture implements AutoCloseable {
  private final Arena arena = Arena.ofConfined();
  private final Kernels kernels;
  private final int batch;
  private final ForwardArgs forward;
  private final BackwardArgs backward;
  private final float[] packed;
  private final float[] scratch;
  private final SplittableRandom random = new SplittableRandom(3);

  StageFixture(Kernels kernels, Convolution convolution, StoreFormat store, int batch) {
    this.kernels = kernels;
    this.batch = batch;
    FeatureMap in = convolution.input();
    FeatureMap out = convolution.output();
    Activation activation = new Activation(true, true, store, false);
    Stage stage = new Stage(convolution, activation, null, true);
    MemorySegment x = random(batch * in.bytes());
    MemorySegment moments = arena.allocate(8L * in.channels(), 64);
    for (int c = 0; c < in.channels(); c++) {
      moments.set(JAVA_FLOAT, 4L * (in.channels() + c), 1 / 3f);
    }
    MemorySegment gamma = arena.allocate(4L * in.channels(), 64);
    for (int c = 0; c < in.channels(); c++) {
      gamma.set(JAVA_FLOAT, 4L * c, 1);
    }
    MemorySegment beta = arena.allocate(4L * in.channels(), 64);
    MemorySegment table = arena.allocate(ChannelTable.bytes(in.channels()), 64);
    kernels.fillTable(activation, in.channels(), moments, gamma, beta, 1e-3f, table);
    MemorySegment copy = arena.allocate(batch * store.bytes(in), 64);
    MemorySegment weights = random(4L * convolution.weights());
    MemorySegment y = arena.allocate(batch * out.bytes(), 64);
    MemorySegment sums = arena.allocate(Partials.statisticsBytes(out.channels()), 64);
    forward = new ForwardArgs(stage, batch, x, table, copy, weights, null, null, null, y, sums);
    MemorySegment dy = random(batch * out.bytes());
    MemorySegment dx = arena.allocate(batch * in.bytes(), 64);
    MemorySegment gradients = arena.allocate(Partials.gradientBytes(stage), 64);
    backward =
        new BackwardArgs(
            stage,
            batch,
            List.of(GradientTerm.plain(dy, out)),
            null,
            null,
            table,
            copy,
            weights,
            null,
            List.of(),
            dx,
            gradients);
    packed = new float[kernels.packedFloats(stage)];
    scratch = new float[kernels.scratchFloats(stage)];
    forward();
  }

  private MemorySegment random(long bytes) {
    MemorySegment segment = arena.allocate(bytes, 64);
    for (long i = 0; i < bytes / 4; i++) {
      segment.set(JAVA_FLOAT, 4 * i, (float) (random.nextDouble() * 2 - 1));
    }
    return segment;
  }

  /** Runs the forward pass; returns an output value. */
  float forward() {
    kernels.packForward(forward, packed);
    kernels.forward(forward, 0, 0, batch, packed, scratch);
    return forward.y().get(JAVA_FLOAT, 0);
  }

  /** Runs the backward pass; returns a gradient value. */
  float backward() {
    kernels.packBackward(backward, packed);
    kernels.backward(backward, 0, 0, batch, packed, scratch);
    return backward.gradients().get(JAVA_FLOAT, 0);
  }

  @Override
  public void close() {
    arena.close();
  }
}
