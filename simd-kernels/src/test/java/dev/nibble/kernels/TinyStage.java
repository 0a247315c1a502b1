package dev.nibble.kernels;

import dev.nibble.kernels.Operator.Resample;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** A stage with batch norm as a function from its parameters to a number, and its gradients. */
final class TinyStage {
  /** Names of the {@link #parameters}, in order. */
  static final List<String> NAMES =
      List.of("x", "gamma", "beta", "weights", "bias", "factor", "slope");

  private static final int BATCH = 3;
  private static final int[] BOUNDS = {0, 2, BATCH};

  private final Kernels kernels;
  private final Stage stage;
  private final List<float[]> parameters;
  private final float[] direction;

  TinyStage(Kernels kernels, Stage stage, Random random) {
    this.kernels = kernels;
    this.stage = stage;
    int channels = stage.activation().normalize() ? stage.input().channels() : 0;
    int bias = stage.hasBias() ? stage.output().channels() : 0;
    boolean slopes = stage.activation().nonlinearity().hasSlope();
    FeatureMap factor = stage.operator().factor();
    float[] x = normal(random, BATCH * stage.input().values());
    this.parameters =
        List.of(
            x,
            normal(random, channels),
            normal(random, channels),
            normal(random, stage.operator().weights()),
            normal(random, bias),
            normal(random, factor == null ? 0 : BATCH * factor.values()),
            normal(random, slopes ? stage.input().channels() : 0));
    this.direction = normal(random, BATCH * stage.output().values());
  }

  private static float[] normal(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** The arrays that {@link #loss} reads; empty where the stage has no such parameter. */
  List<float[]> parameters() {
    return parameters;
  }

  /** The sum of y times a fixed direction. */
  double loss() {
    try (Guarded memory = new Guarded(0, false)) {
      float[] y = Guarded.floats(new Bound(memory).forward().y(), BATCH * stage.output().values());
      double sum = 0;
      for (int i = 0; i < y.length; i++) {
        sum += (double) y[i] * direction[i];
      }
      return sum;
    }
  }

  /** d loss / d parameters, in their order, by the kernels' backward pass. */
  List<float[]> gradients() {
    try (Guarded memory = new Guarded(0, false)) {
      return new Bound(memory).backward();
    }
  }

  /** The parameters bound to buffers. */
  private final class Bound {
    private final Guarded memory;
    private final MemorySegment x;
    private final @Nullable MemorySegment table;
    private final @Nullable MemorySegment store;
    private final @Nullable MemorySegment saved;
    private final @Nullable MemorySegment weights;
    private final @Nullable MemorySegment bias;
    private final @Nullable MemorySegment factor;
    private final MemorySegment draws;

    Bound(Guarded memory) {
      this.memory = memory;
      int channels = stage.input().channels();
      x = memory.allocate(parameters.get(0));
      weights = optional(parameters.get(3));
      bias = optional(parameters.get(4));
      factor = optional(parameters.get(5));
      draws = memory.allocate(Draw.BYTES);
      Draw.set(draws, 1, 0);
      boolean normalize = stage.activation().normalize();
      boolean needed = stage.activation().needsTable();
      table = needed ? memory.allocate(ChannelTable.bytes(channels)) : null;
      if (table != null) {
        kernels.fillTable(
            stage.activation(),
            channels,
            0,
            channels,
            memory.allocate(StageCases.moments(parameters.get(0), channels)),
            normalize ? memory.allocate(parameters.get(1)) : null,
            normalize ? memory.allocate(parameters.get(2)) : null,
            1e-3f,
            table);
        if (stage.activation().nonlinearity().hasSlope()) {
          kernels.fillSlopes(channels, 0, channels, memory.allocate(parameters.get(6)), table);
        }
      }
      long bytes = BATCH * stage.activation().store().bytes(stage.input());
      store = bytes == 0 ? null : memory.allocate(bytes);
      long savedBytes = BATCH * stage.operator().savedBytes();
      saved = savedBytes > 0 ? memory.allocate(savedBytes) : null;
    }

    private @Nullable MemorySegment optional(float[] values) {
      return values.length == 0 ? null : memory.allocate(values);
    }

    ForwardArgs forward() {
      MemorySegment y = memory.allocate(BATCH * stage.output().bytes());
      ForwardArgs args =
          new ForwardArgs(
              stage, BATCH, x, table, store, weights, bias, null, saved, y, null, factor, draws);
      Runner.forward(kernels, args, BOUNDS);
      return args;
    }

    List<float[]> backward() {
      forward();
      FeatureMap in = stage.input();
      MemorySegment d = memory.allocate(BATCH * in.bytes());
      MemorySegment factorGradient =
          factor == null ? null : memory.allocate(4L * parameters.get(5).length);
      BackwardArgs args =
          new BackwardArgs(
              stage,
              BATCH,
              List.of(GradientTerm.plain(memory.allocate(direction), stage.output())),
              null,
              stage.activation().store() == StoreFormat.KEPT ? x : null,
              table,
              store,
              weights,
              saved,
              List.of(),
              d,
              weights == null ? null : memory.allocateAligned(2 * Partials.weightBytes(stage)),
              memory.allocateAligned(2 * Partials.sumBytes(stage)),
              factor,
              factorGradient,
              draws);
      Runner.backward(kernels, args, BOUNDS);
      float[] dFactor =
          factorGradient == null
              ? new float[0]
              : Guarded.floats(factorGradient, parameters.get(5).length);
      int weightCount = parameters.get(3).length;
      int count = weightCount + parameters.get(4).length;
      MemorySegment dw = memory.allocate(4L * count);
      Cut cut = new Cut(2, 1);
      if (count > 0) {
        kernels.finishWeights(args, cut, 0, count, dw);
      }
      float[] dwValues = Guarded.floats(dw, count);
      float[] dWeights = Arrays.copyOf(dwValues, weightCount);
      float[] dBias = Arrays.copyOfRange(dwValues, weightCount, count);
      float[] dSlopes = new float[0];
      if (stage.activation().nonlinearity().hasSlope()) {
        MemorySegment slopes = memory.allocate(4L * in.channels());
        kernels.finishSlopes(args, cut, 0, in.channels(), slopes);
        dSlopes = Guarded.floats(slopes, in.channels());
      }
      if (table == null || store == null || !stage.activation().normalize()) {
        float[] dx = Guarded.floats(d, BATCH * in.values());
        return List.of(dx, new float[0], new float[0], dWeights, dBias, dFactor, dSlopes);
      }
      MemorySegment dGamma = memory.allocate(4L * in.channels());
      MemorySegment dBeta = memory.allocate(4L * in.channels());
      kernels.finishChannels(args, cut, BATCH, 0, in.channels(), dGamma, dBeta);
      return List.of(
          throughBatchNorm(d, table, store),
          Guarded.floats(dGamma, in.channels()),
          Guarded.floats(dBeta, in.channels()),
          dWeights,
          dBias,
          dFactor,
          dSlopes);
    }

    private float[] throughBatchNorm(MemorySegment d, MemorySegment table, MemorySegment store) {
      FeatureMap in = stage.input();
      Stage before = new Stage(Resample.identity(in), Activation.IDENTITY, null, false);
      MemorySegment dx = memory.allocate(BATCH * in.bytes());
      BackwardArgs args =
          new BackwardArgs(
              before,
              BATCH,
              List.of(new GradientTerm.Normalized(in, d, table, stage.activation().store(), store)),
              dx,
              null,
              null,
              null,
              null,
              null,
              List.of(),
              null,
              null,
              memory.allocateAligned(2 * Partials.sumBytes(before)));
      Runner.backward(kernels, args, BOUNDS);
      return Guarded.floats(dx, BATCH * in.values());
    }
  }
}
