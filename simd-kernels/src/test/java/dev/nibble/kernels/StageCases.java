package dev.nibble.kernels;

import dev.nibble.kernels.Operator.AveragePooling;
import dev.nibble.kernels.Operator.ChannelShuffle;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.Dropout;
import dev.nibble.kernels.Operator.GlobalAveragePooling;
import dev.nibble.kernels.Operator.MaxPooling;
import dev.nibble.kernels.Operator.Multiply;
import dev.nibble.kernels.Operator.Padding;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.StageCase.Tensor;
import dev.nibble.kernels.StageCase.Term;
import dev.nibble.kernels.scalar.ScalarKernels;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Draws stages from a seed, with sizes around the edges of lanes and blocks. */
final class StageCases {
  private static final int[] CHANNELS = {1, 3, 5, 8, 15, 16, 17, 24, 31, 32, 33, 48, 64, 100};
  private static final int[] KERNELS = {1, 3, 5, 7};
  private static final int KINDS = 17;

  /** Every function, with edges where values lie and where they do not; none more often. */
  private static final Nonlinearity[] FUNCTIONS = {
    Nonlinearity.identity(),
    Nonlinearity.identity(),
    Nonlinearity.identity(),
    Nonlinearity.relu6(),
    Nonlinearity.hardTanh(),
    new Nonlinearity.Clip(-0.5f, Float.POSITIVE_INFINITY),
    new Nonlinearity.Clip(Float.NEGATIVE_INFINITY, 2),
    new Nonlinearity.LeakyRelu(0.01f),
    new Nonlinearity.LeakyRelu(-2),
    new Nonlinearity.Prelu(),
    new Nonlinearity.Elu(1.5f),
    Nonlinearity.hardSigmoid(),
    Nonlinearity.hardSwish(),
    new Nonlinearity.Sigmoid(),
    Nonlinearity.silu(),
    new Nonlinearity.Tanh(),
    new Nonlinearity.Mish(),
    new Nonlinearity.Gelu(false),
    new Nonlinearity.Gelu(true),
  };

  private static final long MOST_MULTIPLY_ADDS = 4_000_000;

  private final long seed;
  private final Random random;

  private StageCases(long seed) {
    this.seed = seed;
    this.random = new Random(seed);
  }

  /** The stage of that seed. */
  static StageCase random(long seed) {
    StageCases cases = new StageCases(seed);
    return cases.build(cases.operator((int) (seed % KINDS)));
  }

  /** A stage of that operator with everything around it drawn from the seed. */
  static StageCase around(Operator operator, long seed) {
    return new StageCases(seed).build(operator);
  }

  private int pick(int... values) {
    return values[random.nextInt(values.length)];
  }

  private Operator operator(int kind) {
    int height = 1 + random.nextInt(13);
    int width = 1 + random.nextInt(17);
    int stride = 1 + random.nextInt(3);
    int kernel = pick(KERNELS);
    FeatureMap in = new FeatureMap(height, width, pick(CHANNELS));
    return switch (kind) {
      case 0 -> Convolution.depthwise(in, kernel, stride);
      case 1 -> {
        int size = 2 + random.nextInt(3);
        FeatureMap map = new FeatureMap(height + size, width + size, in.channels());
        yield new MaxPooling(map, size, stride);
      }
      case 2 -> new GlobalAveragePooling(in);
      case 3 -> new Resample(in, stride, in.channels() + random.nextInt(20));
      case 4 -> pooling(in);
      case 5 -> new Multiply(in, pick(0, 1) == 0 ? in : new FeatureMap(1, 1, in.channels()));
      case 6 -> new Dropout(in, random.nextInt(10) * 0.1f, random.nextInt(), random.nextBoolean());
      case 7 -> new ChannelShuffle(in, divisor(in.channels()));
      case 8 -> padding(in);
      case 13 -> normalization(in);
      case 16 -> new Sampling(in, sampling(height), sampling(width));
      case 9, 10, 11, 12 -> small(anyConvolution(in));
      default -> small(new Convolution(in, pick(CHANNELS), kernel, stride, random.nextBoolean()));
    };
  }

  /** The same operator on smaller pictures, so that the scalar table is done in time. */
  private Convolution small(Convolution op) {
    Convolution result = op;
    while (result.multiplyAdds() > MOST_MULTIPLY_ADDS) {
      FeatureMap in = result.input();
      FeatureMap half = new FeatureMap((in.height() + 1) / 2, (in.width() + 1) / 2, in.channels());
      if (half.equals(in) || room(half, result.window()).isEmpty()) {
        return new Convolution(new FeatureMap(3, 4, 17), 9, 3, 1, true);
      }
      result =
          new Convolution(
              half, result.outChannels(), result.window(), result.groups(), result.bias());
    }
    return result;
  }

  private static Optional<Window> room(FeatureMap in, Window window) {
    return Optional.of(window)
        .filter(w -> w.outputHeight(in.height(), false) > 0)
        .filter(w -> w.outputWidth(in.width(), false) > 0);
  }

  /** Layer norm, group norm from one group to as many as channels, or global response norm. */
  private GroupNorm normalization(FeatureMap in) {
    if (random.nextInt(4) == 0) {
      return GroupNorm.byResponse(in, 1e-2f, random.nextInt(4) > 0);
    }
    boolean byPixel = random.nextBoolean();
    int groups = byPixel ? 1 : divisor(in.channels());
    // Where a deviation is small, rounding errors of its values grow by 1 / sqrt(epsilon).
    return new GroupNorm(in, groups, byPixel, 1e-2f, random.nextInt(4) > 0);
  }

  /** Resizing, or places in any order, of which some are read often and some never. */
  private AxisSampling sampling(int size) {
    int length = 1 + random.nextInt(20);
    return switch (random.nextInt(3)) {
      case 0 -> AxisSampling.linear(size, length);
      case 1 -> AxisSampling.nearest(size, length);
      default -> {
        int[] places = new int[length];
        float[] weights = new float[length];
        for (int i = 0; i < length; i++) {
          places[i] = random.nextInt(size);
          weights[i] = places[i] + 1 < size && random.nextBoolean() ? random.nextFloat() : 0;
        }
        yield AxisSampling.of(size, places, weights);
      }
    };
  }

  private int divisor(int number) {
    int divisor = 1 + random.nextInt(number);
    while (number % divisor != 0) {
      divisor--;
    }
    return divisor;
  }

  private Window window(int most, int padding) {
    return new Window(
        1 + random.nextInt(most),
        1 + random.nextInt(most),
        1 + random.nextInt(3),
        1 + random.nextInt(3),
        random.nextInt(padding),
        random.nextInt(padding),
        random.nextInt(padding),
        random.nextInt(padding),
        1 + random.nextInt(3),
        1 + random.nextInt(3));
  }

  /** Any window; groups of equal and of unequal width; depthwise with and without a multiplier. */
  private Convolution anyConvolution(FeatureMap map) {
    Window window = window(5, 6);
    while (room(map, window).isEmpty()) {
      window = window(5, 6);
    }
    int groups = pick(1, 1, 2, 3, 4, 8, 16, 32);
    int in = groups * pick(1, 2, 3, 4, 5, 8, 16);
    int out = groups * pick(1, 1, 2, 3, 4, 7, 8, 16);
    if (groups == 1) {
      in = pick(CHANNELS);
      out = pick(CHANNELS);
    }
    if (random.nextInt(4) == 0) {
      groups = in;
      out = in * pick(1, 1, 1, 2, 3);
    }
    FeatureMap input = new FeatureMap(map.height(), map.width(), in);
    return new Convolution(input, out, window, groups, random.nextBoolean());
  }

  /** Pooling with any window; drawn again until every window meets the picture. */
  private Operator pooling(FeatureMap in) {
    boolean ceil = random.nextBoolean();
    boolean max = random.nextBoolean();
    boolean whole = random.nextInt(6) == 0;
    while (true) {
      Window window = whole ? Window.whole(in) : window(4, 4);
      try {
        return max
            ? new MaxPooling(in, window, ceil)
            : new AveragePooling(in, window, ceil, random.nextBoolean());
      } catch (IllegalArgumentException e) {
        whole = random.nextInt(6) == 0;
      }
    }
  }

  private Operator padding(FeatureMap in) {
    return new Padding(
        in,
        edge(in.height()),
        edge(in.width()),
        random.nextInt(3),
        random.nextInt(3),
        edge(in.channels()),
        random.nextInt(20));
  }

  /** Some more, or fewer by less than there are. */
  private int edge(int size) {
    return random.nextInt(3) - random.nextInt(Math.min(size, 20));
  }

  private StageCase build(Operator operator) {
    FeatureMap in = operator.input();
    FeatureMap out = operator.output();
    int[] bounds = bounds();
    Activation activation = activation();
    boolean gathered =
        Cut.isGathered(new Stage(operator, activation, null, false, Layout.dense(out)));
    if (gathered) {
      bounds = new int[] {0, 9, 10}; // more pictures than are gathered, and fewer
    }
    int batch = bounds[bounds.length - 1];
    float[] x = tensor(in, batch);
    Stage.Residual shortcut = random.nextInt(3) > 0 ? residual(out) : null;
    boolean isSlice = random.nextInt(4) == 0;
    Layout layout = isSlice ? slice(out) : Layout.dense(out);
    Stage stage = new Stage(operator, activation, shortcut, random.nextBoolean(), layout);
    boolean inPlace =
        shortcut != null && !isSlice && shortcut.transform().isIdentity() && random.nextBoolean();
    FeatureMap factor = operator.factor();
    List<Term> outputTerms = new ArrayList<>();
    for (int i = 1 + random.nextInt(3); i > 0; i--) {
      outputTerms.add(random.nextInt(3) == 0 ? normalized(out, batch) : shortcut(out, batch));
    }
    List<Term> activationTerms = new ArrayList<>();
    for (int i = random.nextInt(3); i > 0; i--) {
      activationTerms.add(shortcut(in, batch));
    }
    return new StageCase(
        "seed " + seed + ": " + stage + " of " + batch,
        stage,
        bounds,
        parts(stage),
        Cut.mayFuse(stage, 1) && random.nextInt(3) > 0,
        x,
        activation.needsTable() ? table(activation, in, x) : null,
        operator.weights() > 0 ? normal(operator.weights(), 0.2f) : null,
        stage.hasBias() ? normal(out.channels(), 1f) : null,
        shortcut == null ? null : tensor(shortcut, batch),
        inPlace,
        outputTerms,
        target(outputTerms),
        activationTerms,
        target(activationTerms),
        factor == null ? null : normal(batch * factor.values(), 1f),
        random.nextLong(),
        pick(0, 4, 20, 32));
  }

  private int parts(Stage stage) {
    return Cut.isGathered(stage) ? pick(Cut.PORTIONS, 2 * Cut.PORTIONS) : pick(1, 1, 2, 3, 5, 8);
  }

  /** One to three groups, now and then one of them empty. */
  private int[] bounds() {
    int groups = 1 + random.nextInt(3);
    int[] bounds = new int[groups + 1];
    for (int i = 0; i < groups; i++) {
      bounds[i + 1] = bounds[i] + (i > 0 ? random.nextInt(3) : 1 + random.nextInt(2));
    }
    return bounds;
  }

  private Activation activation() {
    boolean normalize = random.nextInt(3) > 0;
    boolean relu = random.nextInt(3) > 0;
    StoreFormat[] formats = StoreFormat.values();
    StoreFormat format = formats[random.nextInt(formats.length)];
    if (format == StoreFormat.KEPT) {
      return new Activation(false, false, format, false);
    }
    boolean naive = format.isCodes() && random.nextBoolean();
    if (!relu) {
      Nonlinearity function = FUNCTIONS[random.nextInt(FUNCTIONS.length)];
      return new Activation(normalize, function, format.keeping(function), naive);
    }
    return new Activation(normalize, relu, format, naive);
  }

  /** The same activation with nothing stored, as a shortcut reads it. */
  private static Activation reading(Activation a) {
    return new Activation(a.normalize(), a.nonlinearity(), StoreFormat.NONE, false);
  }

  private Stage.Residual residual(FeatureMap out) {
    Activation activation = random.nextBoolean() ? Activation.IDENTITY : reading(activation());
    if (random.nextBoolean()) {
      return new Stage.Residual(activation, Resample.identity(out));
    }
    int stride = 1 + random.nextInt(3);
    FeatureMap from =
        new FeatureMap(
            (out.height() - 1) * stride + 1 + random.nextInt(stride),
            (out.width() - 1) * stride + 1 + random.nextInt(stride),
            1 + random.nextInt(out.channels()));
    return new Stage.Residual(activation, new Resample(from, stride, out.channels()));
  }

  private Tensor tensor(Stage.Residual residual, int batch) {
    FeatureMap map = residual.transform().input();
    Activation a = residual.activation();
    float[] x = tensor(map, batch);
    float[] table = a.needsTable() ? table(a, map, x) : null;
    return new Tensor(x, table);
  }

  private Term shortcut(FeatureMap map, int batch) {
    if (random.nextInt(4) == 0) {
      Layout layout = slice(map);
      float[] wider = normal(batch * map.pixels() * layout.pitch(), 1f);
      return new Term(map, wider, null, layout, StoreFormat.NONE, null, null);
    }
    Resample transform = Resample.identity(map);
    if (random.nextBoolean()) {
      transform = new Resample(map, 1 + random.nextInt(3), map.channels() + random.nextInt(9));
    }
    float[] gradient = normal(batch * transform.output().values(), 1f);
    return new Term(map, gradient, transform, null, StoreFormat.NONE, null, null);
  }

  private Layout slice(FeatureMap map) {
    int offset = random.nextInt(40);
    return new Layout(offset + map.channels() + random.nextInt(40), offset);
  }

  private Term normalized(FeatureMap map, int batch) {
    StoreFormat[] formats = StoreFormat.values();
    StoreFormat format;
    do {
      format = formats[random.nextInt(formats.length)];
    } while (!format.isWritten());
    Activation activation = new Activation(true, random.nextBoolean(), format, false);
    float[] x = tensor(map, batch);
    float[] table = table(activation, map, x);
    float[] rows = normal((ChannelTable.ROWS - ChannelTable.DX_SCALE) * map.channels(), 1f);
    System.arraycopy(rows, 0, table, ChannelTable.DX_SCALE * map.channels(), rows.length);
    byte[] store = encode(activation, map, batch, x, table);
    return new Term(map, normal(batch * map.values(), 1f), null, null, format, table, store);
  }

  /**
   * A plain term's index, so that the result is written over it, or a buffer of its own, or none.
   */
  private int target(List<Term> terms) {
    for (int i = 0; i < terms.size(); i++) {
      Resample transform = terms.get(i).transform();
      if (transform != null && transform.isIdentity() && random.nextBoolean()) {
        return i;
      }
    }
    return random.nextInt(5) == 0 ? StageCase.NOWHERE : StageCase.OWN;
  }

  private float[] normal(int count, float scale) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian() * scale;
    }
    return values;
  }

  /** Values with a mean and a deviation a channel; now and then a channel is constant. */
  private float[] tensor(FeatureMap map, int batch) {
    float[] values = normal(batch * map.values(), 1f);
    int channels = map.channels();
    for (int c = 0; c < channels; c++) {
      float mean = (float) random.nextGaussian();
      float sd = random.nextInt(20) == 0 ? 0f : 0.5f + 2 * random.nextFloat();
      for (int i = c; i < values.length; i += channels) {
        values[i] = mean + sd * values[i];
      }
    }
    return values;
  }

  /**
   * The channel table of a tensor, with scales of both signs and shifts beyond the codes' range.
   */
  private float[] table(Activation activation, FeatureMap map, float[] x) {
    int channels = map.channels();
    float[] gamma = normal(channels, 1f);
    float[] beta = normal(channels, 1f);
    for (int c = 0; c < channels; c++) {
      switch (random.nextInt(10)) {
        case 0 -> gamma[c] = 0f;
        case 1 -> beta[c] = 4 * gamma[c];
        case 2 -> beta[c] = -4 * gamma[c];
        default -> gamma[c] += Math.copySign(0.1f, gamma[c]);
      }
    }
    try (Guarded memory = new Guarded(0, false)) {
      MemorySegment table = memory.allocate(ChannelTable.bytes(channels));
      TableMath.fill(
          activation,
          channels,
          0,
          channels,
          memory.allocate(moments(x, channels)),
          activation.normalize() ? memory.allocate(gamma) : null,
          activation.normalize() ? memory.allocate(beta) : null,
          1e-3f,
          table);
      if (activation.nonlinearity().hasSlope()) {
        MemorySegment slopes = memory.allocate(normal(channels, 0.5f));
        TableMath.fillSlopes(channels, 0, channels, slopes, table);
      }
      return Guarded.floats(table, ChannelTable.ROWS * channels);
    }
  }

  /** Mean and biased variance a channel, in double. */
  static float[] moments(float[] x, int channels) {
    float[] moments = new float[2 * channels];
    int count = x.length / channels;
    for (int c = 0; c < channels; c++) {
      double sum = 0;
      for (int i = c; i < x.length; i += channels) {
        sum += x[i];
      }
      double square = 0;
      for (int i = c; i < x.length; i += channels) {
        square += Math.pow(x[i] - sum / count, 2);
      }
      moments[c] = (float) (sum / count);
      moments[channels + c] = (float) (square / count);
    }
    return moments;
  }

  /** The stored copy of a tensor. */
  static byte[] encode(
      Activation activation, FeatureMap map, int batch, float[] x, float @Nullable [] table) {
    try (Guarded memory = new Guarded(0, false)) {
      long bytes = batch * activation.store().bytes(map);
      MemorySegment store = memory.allocate(bytes);
      Stage stage = new Stage(Resample.identity(map), activation, null, false);
      ForwardArgs args =
          new ForwardArgs(
              stage,
              batch,
              memory.allocate(x),
              table == null ? null : memory.allocate(table),
              store,
              null,
              null,
              null,
              null,
              memory.allocate(batch * map.bytes()),
              null);
      Runner.forward(new ScalarKernels(), args, 0, batch);
      return Guarded.bytes(store, bytes);
    }
  }
}
