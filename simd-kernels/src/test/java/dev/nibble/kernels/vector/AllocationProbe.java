package dev.nibble.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import com.sun.management.ThreadMXBean;
import dev.nibble.kernels.Activation;
import dev.nibble.kernels.AxisSampling;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Draw;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.AveragePooling;
import dev.nibble.kernels.Operator.ChannelShuffle;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.Dropout;
import dev.nibble.kernels.Operator.GlobalAveragePooling;
import dev.nibble.kernels.Operator.MaxPooling;
import dev.nibble.kernels.Operator.Multiply;
import dev.nibble.kernels.Operator.Padding;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Sampling;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.Window;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * All stages in turn, as in a network, until a pass over them allocates nothing or patience ends:
 * prints the least number of bytes, and which stages allocate them.
 */
final class AllocationProbe {
  private static final int BATCH = 2;
  private static final long SEED = 7_411;

  /** Bytes that looking for them may allocate itself. */
  private static final long NOTHING = 1024;

  private static final Duration PATIENCE = Duration.ofSeconds(150);

  private final Random random = new Random(SEED);
  private final VectorKernels kernels = new VectorKernels(true);
  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** One stage with all that both passes need. */
  // Cases are run, never compared or hashed, so that arrays may stand in a record.
  @SuppressWarnings("ArrayRecordComponent")
  private record Case(
      ForwardArgs forward,
      BackwardArgs backward,
      float[] packedForward,
      float[] packedBackward,
      float[] scratch) {}

  /** Prints what it finds. */
  public static void main(String[] arguments) {
    new AllocationProbe().probe();
  }

  private void probe() {
    try (Arena arena = Arena.ofConfined()) {
      List<Case> cases = cases(arena);
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      long least = Long.MAX_VALUE;
      while (least > 0 && System.nanoTime() < deadline) {
        for (int i = 0; i < 100; i++) {
          run(cases);
        }
        long nothing = -threads.getCurrentThreadAllocatedBytes();
        nothing += threads.getCurrentThreadAllocatedBytes();
        long before = threads.getCurrentThreadAllocatedBytes();
        run(cases);
        long after = threads.getCurrentThreadAllocatedBytes();
        least = Math.min(least, after - before - nothing);
      }
      System.out.println(least == 0 ? "0" : least + " B: " + allocating(cases));
    }
  }

  /** The stages that allocate, each with its bytes. */
  private List<String> allocating(List<Case> cases) {
    List<String> found = new ArrayList<>();
    for (Case c : cases) {
      long before = threads.getCurrentThreadAllocatedBytes();
      run(List.of(c));
      long bytes = threads.getCurrentThreadAllocatedBytes() - before;
      if (bytes > NOTHING) {
        found.add(bytes + " B: " + c.forward.stage());
      }
    }
    return found;
  }

  private void run(List<Case> cases) {
    for (int i = 0; i < cases.size(); i++) {
      Case c = cases.get(i);
      kernels.forward(c.forward, 0, 0, BATCH, 0, 2, c.packedForward, c.scratch);
      kernels.forward(c.forward, 0, 0, BATCH, 1, 2, c.packedForward, c.scratch);
      kernels.backward(c.backward, 0, 0, BATCH, 0, 1, c.packedBackward, c.scratch);
      if (c.backward.gradientOut() != null) {
        kernels.sumGradient(c.backward, 0, BATCH, 0, 1, c.scratch);
      }
      kernels.backwardData(c.backward, 0, 0, BATCH, 0, 1, c.packedBackward, c.scratch);
      if (c.backward.stage().needsInputValues()) {
        kernels.backwardWeights(c.backward, 0, 0, BATCH, 0, 1, c.scratch);
      }
    }
  }

  private List<Case> cases(Arena arena) {
    FeatureMap square = new FeatureMap(8, 8, 2 * Lanes.LANES);
    FeatureMap odd = new FeatureMap(7, 5, Lanes.LANES + 3);
    List<Case> cases = new ArrayList<>();
    for (StoreFormat format : StoreFormat.values()) {
      if (!format.isWritten()) {
        continue;
      }
      Activation full = new Activation(true, true, format, false);
      Activation bare = new Activation(false, true, format, format.isCodes());
      Convolution same = new Convolution(square, square.channels(), 3, 1, false);
      Resample none = Resample.identity(square);
      cases.add(make(arena, same, full, new Stage.Residual(Activation.IDENTITY, none)));
      cases.add(make(arena, same, full, null));
      Convolution narrow = new Convolution(square, Lanes.LANES, 1, 1, true);
      cases.add(make(arena, narrow, bare, null));
      Convolution wide = new Convolution(square, 5 * Lanes.LANES, 1, 1, true);
      Resample added = Resample.identity(wide.output());
      cases.add(make(arena, wide, full, new Stage.Residual(Activation.IDENTITY, added)));
      Convolution half = new Convolution(odd, odd.channels() + 5, 3, 2, true);
      Resample pooled = new Resample(odd, 2, odd.channels() + 5);
      Activation read = new Activation(true, true, StoreFormat.NONE, false);
      cases.add(make(arena, half, full, new Stage.Residual(read, pooled)));
      cases.add(make(arena, Convolution.depthwise(odd, 3, 1), full, null));
      cases.add(make(arena, new GlobalAveragePooling(square), full, null));
    }
    List<Nonlinearity> functions =
        List.of(
            Nonlinearity.identity(),
            Nonlinearity.relu6(),
            new Nonlinearity.LeakyRelu(0.1f),
            new Nonlinearity.Prelu(),
            new Nonlinearity.Elu(1),
            Nonlinearity.hardSigmoid(),
            Nonlinearity.hardSwish(),
            new Nonlinearity.Sigmoid(),
            Nonlinearity.silu(),
            new Nonlinearity.Mish(),
            new Nonlinearity.Gelu(false),
            new Nonlinearity.Gelu(true));
    StoreFormat[] formats = {StoreFormat.INT4, StoreFormat.FP32, StoreFormat.TERNARY};
    for (int i = 0; i < functions.size(); i++) {
      Activation smooth = new Activation(true, functions.get(i), formats[i % 3], false);
      cases.add(make(arena, Convolution.depthwise(odd, 3, 1), smooth, null));
      cases.add(make(arena, new Convolution(odd, 24, 1, 1, false), smooth, null));
    }
    cases.add(make(arena, new MaxPooling(square, 3, 2), Activation.IDENTITY, null));
    Window window = new Window(2, 3, 2, 1, 1, 2, 0, 1, 1, 2);
    FeatureMap pixel = new FeatureMap(1, 1, odd.channels());
    FeatureMap even = new FeatureMap(9, 7, 2 * Lanes.LANES);
    Activation full = new Activation(true, true, StoreFormat.INT4, false);
    cases.add(make(arena, new Convolution(even, 24, window, 1, true), full, null));
    cases.add(make(arena, new Convolution(even, 24, window, 8, true), full, null));
    cases.add(make(arena, new Convolution(even, 16, Window.square(1, 1), 4, true), full, null));
    int all = even.channels();
    cases.add(make(arena, new Convolution(even, all, window, all, true), full, null));
    cases.add(make(arena, Convolution.depthwise(even, 5, 2), full, null));
    cases.add(make(arena, MaxPooling.global(even), full, null));
    cases.add(make(arena, new AveragePooling(odd, window, true, false), full, null));
    cases.add(make(arena, new Multiply(odd, odd), full, null));
    cases.add(make(arena, new Multiply(odd, pixel), full, null));
    cases.add(make(arena, new Dropout(odd, 0.2f, 3, false), full, null));
    cases.add(make(arena, new Dropout(even, 0.2f, 3, true), full, null));
    cases.add(make(arena, new ChannelShuffle(even, 4), full, null));
    cases.add(make(arena, GroupNorm.byPixel(odd, 1e-5f), full, null));
    cases.add(make(arena, new GroupNorm(even, 1, true, 1e-5f, false), full, null));
    cases.add(make(arena, GroupNorm.of(even, 4, 1e-5f), full, null));
    AxisSampling rows = AxisSampling.linear(odd.height(), 2 * odd.height());
    cases.add(
        make(arena, new Sampling(odd, rows, AxisSampling.nearest(odd.width(), 9)), full, null));
    cases.add(make(arena, GroupNorm.byResponse(odd, 1e-5f, true), full, null));
    cases.add(make(arena, GroupNorm.of(odd, odd.channels(), 1e-5f), full, null));
    cases.add(make(arena, new Padding(odd, 1, -1, 0, 2, 3, -4), full, null));
    cases.add(make(arena, new Resample(odd, 2, 40), Activation.IDENTITY, null));
    Activation kept = new Activation(false, false, StoreFormat.KEPT, false);
    cases.add(make(arena, new Convolution(odd, 16, 3, 1, false), kept, null));
    return cases;
  }

  private Case make(
      Arena arena, Operator operator, Activation activation, Stage.@Nullable Residual residual) {
    Stage stage = new Stage(operator, activation, residual, true);
    FeatureMap in = stage.input();
    FeatureMap out = stage.output();
    boolean kept = activation.store() == StoreFormat.KEPT;
    MemorySegment x = floats(arena, BATCH * in.values());
    MemorySegment y = floats(arena, BATCH * out.values());
    MemorySegment table = table(arena, activation, in.channels());
    MemorySegment store = bytes(arena, BATCH * activation.store().bytes(in));
    MemorySegment weights = floats(arena, operator.weights());
    MemorySegment bias = stage.hasBias() ? floats(arena, out.channels()) : null;
    MemorySegment saved = bytes(arena, BATCH * Math.max(1, operator.savedBytes()));
    MemorySegment sums = arena.allocate(Partials.statisticsBytes(out.channels()), 64);
    FeatureMap second = operator.factor();
    MemorySegment factor = second == null ? null : floats(arena, BATCH * second.values());
    MemorySegment draws = arena.allocate(Draw.BYTES, 64);
    ForwardArgs.ResidualArgs shortcut = null;
    if (residual != null) {
      FeatureMap map = residual.transform().input();
      shortcut =
          new ForwardArgs.ResidualArgs(
              residual.transform().isIdentity() ? y : floats(arena, BATCH * map.values()),
              table(arena, residual.activation(), map.channels()));
    }
    ForwardArgs forward =
        new ForwardArgs(
            stage,
            BATCH,
            x,
            activation.needsTable() ? table : null,
            activation.store().isWritten() ? store : null,
            operator.weights() > 0 ? weights : null,
            bias,
            shortcut,
            saved,
            y,
            sums,
            factor,
            draws);
    MemorySegment plain = floats(arena, BATCH * out.values());
    StoreFormat format = activation.store().isWritten() ? activation.store() : StoreFormat.INT4;
    MemorySegment outTable =
        table(arena, new Activation(true, true, format, false), out.channels());
    List<GradientTerm> terms =
        List.of(
            new GradientTerm.Normalized(
                out,
                floats(arena, BATCH * out.values()),
                outTable,
                format,
                bytes(arena, BATCH * format.bytes(out))),
            GradientTerm.plain(plain, out));
    BackwardArgs backward =
        new BackwardArgs(
            stage,
            BATCH,
            residual == null ? terms.subList(0, 1) : terms,
            residual == null ? null : plain,
            kept ? x : null,
            activation.needsTable() ? table : null,
            activation.store().isWritten() ? store : null,
            operator.weights() > 0 ? weights : null,
            saved,
            List.of(
                new GradientTerm.Shortcut(plain(arena, in), new Resample(in, 2, in.channels()))),
            bytes(arena, BATCH * in.bytes()),
            arena.allocate(Math.max(64, Partials.weightBytes(stage)), 64),
            arena.allocate(Partials.sumBytes(stage), 64),
            factor,
            second == null ? null : floats(arena, BATCH * second.values()),
            draws);
    float[] packedForward = new float[kernels.packedFloats(stage)];
    float[] packedBackward = new float[kernels.packedFloats(stage)];
    for (int unit = 0; unit < kernels.packUnits(stage); unit++) {
      kernels.packForward(forward, unit, packedForward);
      kernels.packBackward(backward, unit, packedBackward);
    }
    float[] scratch = new float[kernels.scratchFloats(stage)];
    return new Case(forward, backward, packedForward, packedBackward, scratch);
  }

  /** The gradient of a shortcut that pools by two. */
  private MemorySegment plain(Arena arena, FeatureMap in) {
    return floats(arena, BATCH * ((in.height() + 1) / 2) * ((in.width() + 1) / 2) * in.channels());
  }

  private MemorySegment table(Arena arena, Activation activation, int channels) {
    MemorySegment table = bytes(arena, ChannelTable.bytes(channels));
    if (activation.needsTable()) {
      MemorySegment moments = bytes(arena, 8L * channels);
      for (int c = 0; c < channels; c++) {
        moments.set(JAVA_FLOAT, 4L * (channels + c), 0.3f);
      }
      MemorySegment gamma = activation.normalize() ? floats(arena, channels) : null;
      MemorySegment beta = activation.normalize() ? floats(arena, channels) : null;
      kernels.fillTable(activation, channels, 0, channels, moments, gamma, beta, 1e-3f, table);
    }
    return table;
  }

  private static MemorySegment bytes(Arena arena, long bytes) {
    return arena.allocate(Math.max(bytes, 4), 64);
  }

  /** Small, so that sums that are added to themselves again and again stay finite for long. */
  private MemorySegment floats(Arena arena, int count) {
    MemorySegment segment = bytes(arena, 4L * count);
    for (int i = 0; i < count; i++) {
      segment.set(JAVA_FLOAT, 4L * i, (float) random.nextGaussian() * 1e-3f);
    }
    return segment;
  }
}
