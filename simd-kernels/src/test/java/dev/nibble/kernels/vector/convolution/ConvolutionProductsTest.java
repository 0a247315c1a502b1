package dev.nibble.kernels.vector.convolution;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Window;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.ArgumentsProvider;
import org.junit.jupiter.params.provider.ArgumentsSource;
import org.junit.jupiter.params.support.ParameterDeclarations;

/** The three products against loops that follow the definition, on shapes around every edge. */
final class ConvolutionProductsTest {
  /** Every kernel and stride with a few sizes, and random mixtures. */
  static final class Shapes implements ArgumentsProvider {
    private static final int[] CHANNELS = {1, 3, 5, 15, 16, 17, 31, 33, 48, 64, 80, 100};

    @Override
    public Stream<? extends Arguments> provideArguments(
        ParameterDeclarations parameters, ExtensionContext context) {
      Stream.Builder<Convolution> shapes = Stream.builder();
      int turn = 0;
      for (int kernel = 1; kernel <= 7; kernel += 2) {
        for (int stride = 1; stride <= 3; stride++) {
          for (int[] size : new int[][] {{1, 1}, {2, 3}, {8, 8}, {13, 11}}) {
            int in = CHANNELS[turn++ % CHANNELS.length];
            int out = CHANNELS[(turn * 5) % CHANNELS.length];
            FeatureMap map = new FeatureMap(size[0], size[1], in);
            shapes.add(new Convolution(map, out, kernel, stride, false));
          }
        }
      }
      for (int in : CHANNELS) {
        for (int out : CHANNELS) {
          shapes.add(new Convolution(new FeatureMap(4, 5, in), out, 1, 1, false));
        }
        shapes.add(new Convolution(new FeatureMap(5, 4, in), 16, 3, 1, false));
        shapes.add(new Convolution(new FeatureMap(5, 4, 16), in, 3, 2, false));
        shapes.add(new Convolution(new FeatureMap(3, 9, in), 33, 3, 2, false));
      }
      shapes.add(new Convolution(new FeatureMap(32, 32, 16), 16, 3, 1, false));
      shapes.add(new Convolution(new FeatureMap(2, 70, 4), 5, 3, 1, false));
      shapes.add(new Convolution(new FeatureMap(2, 2, 1100), 1030, 1, 1, false));
      any(shapes);
      return shapes.build().map(Arguments::of);
    }

    /** Windows of any form, and groups of every width around the lanes. */
    private static void any(Stream.Builder<Convolution> shapes) {
      Window[] windows = {
        new Window(1, 7, 1, 1, 0, 3, 0, 3, 1, 1),
        new Window(7, 1, 2, 1, 3, 0, 3, 0, 1, 1),
        new Window(2, 2, 2, 2, 0, 0, 0, 0, 1, 1),
        new Window(4, 3, 1, 2, 2, 0, 1, 1, 1, 1),
        new Window(3, 3, 1, 1, 2, 2, 2, 2, 2, 2),
        new Window(3, 2, 2, 3, 3, 1, 4, 5, 2, 3),
        new Window(2, 3, 3, 2, 1, 4, 0, 2, 3, 4),
        new Window(3, 3, 4, 6, 1, 1, 1, 1, 6, 4),
        new Window(1, 1, 1, 1, 2, 1, 0, 3, 1, 1),
        new Window(1, 1, 3, 2, 0, 0, 0, 0, 1, 1)
      };
      int[][] groups = {{4, 4, 32}, {8, 8, 13}, {16, 16, 2}, {5, 3, 7}, {1, 3, 20}, {17, 9, 3}};
      int turn = 0;
      for (Window window : windows) {
        FeatureMap map = new FeatureMap(14, 13, CHANNELS[turn % CHANNELS.length]);
        shapes.add(new Convolution(map, CHANNELS[++turn * 7 % CHANNELS.length], window, 1, false));
        for (int[] g : groups) {
          FeatureMap wide = new FeatureMap(13, 14, g[0] * g[2]);
          shapes.add(new Convolution(wide, g[1] * g[2], window, g[2], false));
        }
      }
      for (int[] g : groups) {
        FeatureMap wide = new FeatureMap(5, 6, g[0] * g[2]);
        shapes.add(new Convolution(wide, g[1] * g[2], Window.square(1, 1), g[2], false));
      }
    }
  }

  private static final long SEED = 20_250_801;

  private final Random random = new Random(SEED);

  private float[] values(int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = random.nextFloat() * 2 - 1;
    }
    return values;
  }

  /** What callers promise of memory that they do not set: nothing. */
  private static float[] garbage(int n) {
    float[] garbage = new float[n];
    Arrays.fill(garbage, Float.NaN);
    return garbage;
  }

  private static final int AT = 3;

  private static float[] tile(Convolution conv, float[] x) {
    int rows = conv.input().height() + conv.window().padTop() + conv.window().padBottom();
    int tileRow = ConvolutionGeometry.tileRow(conv);
    float[] tile = garbage(AT + rows * tileRow + ConvolutionGeometry.SLACK);
    Arrays.fill(tile, AT, tile.length - ConvolutionGeometry.SLACK, 0);
    int row = conv.input().width() * conv.input().channels();
    for (int y = 0; y < conv.input().height(); y++) {
      int to =
          AT
              + (y + conv.window().padTop()) * tileRow
              + conv.window().padLeft() * conv.input().channels();
      System.arraycopy(x, y * row, tile, to, row);
    }
    return tile;
  }

  private static float[] dyTile(Convolution conv, float[] dy) {
    int top = Math.min(0, ConvolutionBackwardData.firstGradientRow(conv, 0));
    int bottom = ConvolutionBackwardData.endGradientRow(conv, conv.input().height());
    int dyRow = ConvolutionGeometry.dyRow(conv);
    float[] tile =
        garbage(
            AT + (Math.max(bottom, conv.outputHeight()) - top) * dyRow + ConvolutionGeometry.SLACK);
    Arrays.fill(tile, AT, tile.length - ConvolutionGeometry.SLACK, 0);
    int row = conv.output().width() * conv.outChannels();
    for (int y = 0; y < conv.output().height(); y++) {
      int to = AT + (y - top) * dyRow + ConvolutionGeometry.dyBefore(conv) * conv.outChannels();
      System.arraycopy(dy, y * row, tile, to, row);
    }
    return tile;
  }

  /** Visits every multiplication of the convolution: index of x, of w and of y. */
  private interface Visitor {
    void visit(int x, int w, int y);
  }

  private static void products(Convolution conv, Visitor visitor) {
    FeatureMap in = conv.input();
    FeatureMap out = conv.output();
    Window window = conv.window();
    int inputs = conv.groupInputs();
    int outputs = conv.groupOutputs();
    for (int oy = 0; oy < out.height(); oy++) {
      for (int ox = 0; ox < out.width(); ox++) {
        for (int ky = 0; ky < window.kernelHeight(); ky++) {
          for (int kx = 0; kx < window.kernelWidth(); kx++) {
            int iy = oy * window.strideHeight() + ky * window.dilationHeight() - window.padTop();
            int ix = ox * window.strideWidth() + kx * window.dilationWidth() - window.padLeft();
            if (iy < 0 || iy >= in.height() || ix < 0 || ix >= in.width()) {
              continue;
            }
            for (int o = 0; o < out.channels(); o++) {
              for (int c = 0; c < inputs; c++) {
                visitor.visit(
                    (iy * in.width() + ix) * in.channels() + o / outputs * inputs + c,
                    ((ky * window.kernelWidth() + kx) * inputs + c) * out.channels() + o,
                    (oy * out.width() + ox) * out.channels() + o);
              }
            }
          }
        }
      }
    }
  }

  private static MemorySegment segment(Arena arena, float[] values) {
    return arena.allocateFrom(JAVA_FLOAT, values);
  }

  private static float[] forward(Convolution conv, float[] x, MemorySegment w) {
    float[] packed = garbage(ConvolutionGeometry.packedForwardFloats(conv));
    for (int panel = 0; panel < ConvolutionForward.panels(conv); panel++) {
      ConvolutionForward.pack(conv, panel, w, packed);
    }
    int stride = ConvolutionGeometry.outStride(conv);
    float[] out = garbage(AT + conv.output().pixels() * stride);
    boolean flat = ConvolutionGeometry.isFlat(conv);
    int rows = flat ? 1 : conv.outputHeight();
    int width = conv.output().pixels() / rows;
    int vectors = stride / Lanes.LANES;
    ConvolutionForward.run(conv, rows, width, 0, vectors, tile(conv, x), AT, packed, out, AT);
    return unpad(out, conv.output(), stride);
  }

  private static float[] backwardData(Convolution conv, float[] dy, MemorySegment w) {
    float[] packed = garbage(ConvolutionGeometry.packedBackwardFloats(conv));
    for (int panel = 0; panel < ConvolutionBackwardData.panels(conv); panel++) {
      ConvolutionBackwardData.pack(conv, panel, w, packed);
    }
    int stride = ConvolutionGeometry.dataStride(conv);
    float[] data = garbage(AT + conv.input().pixels() * stride);
    int vectors = stride / Lanes.LANES;
    float[] tile = dyTile(conv, dy);
    if (ConvolutionGeometry.isFlat(conv)) {
      int pixels = conv.input().pixels();
      ConvolutionBackwardData.flat(conv, pixels, 0, vectors, tile, AT, packed, data, AT);
    } else {
      int height = conv.input().height();
      int skipped = Math.max(0, ConvolutionBackwardData.firstGradientRow(conv, 0));
      int from = AT + skipped * ConvolutionGeometry.dyRow(conv);
      ConvolutionBackwardData.run(conv, 0, height, 0, vectors, tile, from, packed, data, AT);
    }
    return unpad(data, conv.input(), stride);
  }

  private static float[] unpad(float[] padded, FeatureMap map, int stride) {
    float[] values = new float[map.values()];
    for (int i = 0; i < map.pixels(); i++) {
      int c = map.channels();
      System.arraycopy(padded, AT + i * stride, values, i * c, c);
      for (int pad = c; pad < stride; pad++) {
        if (padded[AT + i * stride + pad] != 0) {
          throw new AssertionError("Channel " + pad + " of pixel " + i + " must be 0");
        }
      }
    }
    return values;
  }

  private static void assertClose(float[] actual, double[] expected, double terms, String what) {
    assertThat(actual).hasSameSizeAs(expected);
    // Products of values below 1: rounding grows with the number of terms that are summed.
    double tolerance = 1e-6 * (4 + Math.sqrt(terms) * 2);
    int worst = 0;
    double error = -1;
    for (int i = 0; i < actual.length; i++) {
      double difference = Math.abs(actual[i] - expected[i]);
      // The negation lets a NaN win.
      if (!(difference <= error)) {
        error = difference;
        worst = i;
        if (Double.isNaN(difference)) {
          break;
        }
      }
    }
    assertThat((double) actual[worst])
        .as("%s at %d, seed %d", what, worst, SEED)
        .isCloseTo(expected[worst], within(tolerance));
  }

  @ParameterizedTest
  @ArgumentsSource(Shapes.class)
  void forwardFollowsTheDefinition(Convolution conv) {
    float[] x = values(conv.input().values());
    float[] w = values(conv.weights());
    double[] expected = new double[conv.output().values()];
    products(conv, (i, j, o) -> expected[o] += (double) x[i] * w[j]);
    try (Arena arena = Arena.ofConfined()) {
      float[] actual = forward(conv, x, segment(arena, w));
      assertClose(actual, expected, (double) conv.weights() / conv.outChannels(), "y");
    }
  }

  @ParameterizedTest
  @ArgumentsSource(Shapes.class)
  void dataGradientFollowsTheDefinition(Convolution conv) {
    float[] dy = values(conv.output().values());
    float[] w = values(conv.weights());
    double[] expected = new double[conv.input().values()];
    products(conv, (i, j, o) -> expected[i] += (double) dy[o] * w[j]);
    try (Arena arena = Arena.ofConfined()) {
      float[] actual = backwardData(conv, dy, segment(arena, w));
      double terms = (double) conv.weights() / conv.groupInputs();
      assertClose(actual, expected, terms, "dx");
    }
  }

  @ParameterizedTest
  @ArgumentsSource(Shapes.class)
  void weightGradientSumsPictures(Convolution conv) {
    double[] expected = new double[conv.weights()];
    int in = conv.input().channels();
    int out = conv.outChannels();
    int floats = (int) ConvolutionBackwardWeights.floats(conv, in, out);
    float[] dw = new float[AT + floats];
    int top = Math.min(0, ConvolutionBackwardData.firstGradientRow(conv, 0));
    int dyRow = ConvolutionGeometry.dyRow(conv);
    int dyAt = AT - top * dyRow + ConvolutionGeometry.dyBefore(conv) * out;
    int tileRow = ConvolutionGeometry.tileRow(conv);
    int rows = conv.outputHeight();
    int width = conv.outputWidth();
    for (int picture = 0; picture < 2; picture++) {
      float[] x = values(conv.input().values());
      float[] dy = values(conv.output().values());
      products(conv, (i, j, o) -> expected[j] += (double) x[i] * dy[o]);
      ConvolutionBackwardWeights.accumulate(
          conv,
          rows,
          width,
          in,
          out,
          tile(conv, x),
          AT,
          tileRow,
          dyTile(conv, dy),
          dyAt,
          dyRow,
          dw,
          AT);
    }
    try (Arena arena = Arena.ofConfined()) {
      long offset = 12;
      MemorySegment target = arena.allocate(offset + 4L * conv.weights(), 4);
      ConvolutionBackwardWeights.flush(conv, 0, in, 0, out, dw, AT, target, offset);
      float[] actual = target.asSlice(offset).toArray(JAVA_FLOAT);
      assertClose(actual, expected, 2.0 * conv.output().pixels(), "dw");
    }
  }

  @ParameterizedTest
  @ArgumentsSource(Shapes.class)
  void dataGradientIsTheAdjoint(Convolution conv) {
    float[] x = values(conv.input().values());
    float[] dy = values(conv.output().values());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment w = segment(arena, values(conv.weights()));
      double left = dot(forward(conv, x, w), dy);
      double right = dot(x, backwardData(conv, dy, w));
      double scale = Math.sqrt((double) conv.multiplyAdds());
      assertThat(left).as("seed %d", SEED).isCloseTo(right, within(1e-5 * (1 + scale)));
    }
  }

  private static double dot(float[] a, float[] b) {
    assertThat(a).hasSameSizeAs(b);
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }
}
