package dev.nibble.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.MaxPooling;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.vector.base.Lanes;
import dev.nibble.kernels.vector.passes.Algorithms;
import dev.nibble.kernels.vector.winograd.WinogradBackwardWeights;
import dev.nibble.kernels.vector.winograd.WinogradProduct;
import dev.nibble.kernels.vector.winograd.WinogradWeights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Winograd's three products against the definition in double, and when they are chosen. */
final class WinogradTest {
  private static final long SEED = 20_261_124;
  private static final int LANES = Lanes.LANES;

  /**
   * Error of a value, as a share of the largest sum of products' magnitudes in the picture: a
   * tile's points mix its pixels, so a small value errs as its neighbours do. fp32 rounds by 6e-8.
   */
  private static final double BOUND = 2e-6;

  private final Random random = new Random(SEED);

  static Stream<Convolution> shapes() {
    int[][] shapes = {
      {4, 4, 1, 1},
      {5, 7, 1, 2},
      {8, 8, 4, 4},
      {9, 13, 3, 1},
      {14, 14, 2, 2},
      {32, 32, 1, 1},
      {6, 40, 2, 3},
      {4, 8, 5, 7}
    };
    return Stream.of(shapes).map(s -> convolution(s[0], s[1], s[2] * LANES, s[3] * LANES));
  }

  private static Convolution convolution(int height, int width, int in, int out) {
    return new Convolution(new FeatureMap(height, width, in), out, 3, 1, false);
  }

  /** Values as activations have them: half of them zero, the rest positive. */
  private float[] values(int n, boolean relu) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      float value = (float) random.nextGaussian();
      values[i] = relu ? Math.max(0, value) : value;
    }
    return values;
  }

  private static float[] garbage(int n) {
    float[] garbage = new float[n];
    Arrays.fill(garbage, Float.NaN);
    return garbage;
  }

  /** Puts a picture into a tile with one pixel of zeros around it. */
  private static void place(float[] x, FeatureMap map, float[] scratch, int at) {
    place(x, map, map.width(), map.height(), scratch, at);
  }

  private static void place(
      float[] x, FeatureMap map, int width, int height, float[] scratch, int at) {
    int row = map.width() * map.channels();
    int tileRow = (width + 2) * map.channels();
    Arrays.fill(scratch, at, at + (height + 2) * tileRow, 0);
    for (int y = 0; y < map.height(); y++) {
      System.arraycopy(x, y * row, scratch, at + (y + 1) * tileRow + map.channels(), row);
    }
  }

  /** One output: the sum and the sum of magnitudes, at pixel (y, x) and channel o. */
  private static double[] output(
      Convolution conv, float[] in, int inputs, int y, int x, Weight weight) {
    FeatureMap map = conv.input();
    double sum = 0;
    double magnitude = 0;
    for (int ky = 0; ky < 3; ky++) {
      for (int kx = 0; kx < 3; kx++) {
        int iy = y + ky - 1;
        int ix = x + kx - 1;
        if (iy < 0 || iy >= map.height() || ix < 0 || ix >= map.width()) {
          continue;
        }
        for (int c = 0; c < inputs; c++) {
          double product =
              (double) in[(iy * map.width() + ix) * inputs + c] * weight.at(ky * 3 + kx, c);
          sum += product;
          magnitude += Math.abs(product);
        }
      }
    }
    return new double[] {sum, magnitude};
  }

  private interface Weight {
    float at(int tap, int input);
  }

  private static void assertClose(float[] actual, int at, double[][] expected, String what) {
    double largest = 0;
    for (double[] e : expected) {
      largest = Math.max(largest, e[1]);
    }
    for (int i = 0; i < expected.length; i++) {
      assertThat(Math.abs(actual[at + i] - expected[i][0]))
          .as("%s at %d, seed %d", what, i, SEED)
          .isLessThanOrEqualTo(BOUND * largest);
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void outputAndInputGradientAreBounded(Convolution conv) {
    FeatureMap map = conv.input();
    int in = map.channels();
    int out = conv.outChannels();
    float[] weights = values(conv.weights(), false);
    float[] x = values(map.values(), true);
    float[] dy = values(conv.output().values(), false);
    float[] packed = garbage(WinogradWeights.packedFloats(conv));
    int tile = 5;
    int border = (map.height() + 2) * (map.width() + 2);
    int work = tile + border * (in + out);
    int floats =
        WinogradProduct.workFloats(map.height(), map.width(), in, out)
            + WinogradProduct.workFloats(map.height(), map.width(), out, in);
    int result = work + floats;
    float[] scratch = garbage(result + map.pixels() * Math.max(in, out) + 1);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment w = arena.allocateFrom(JAVA_FLOAT, weights);
      for (int panel = 0; panel < WinogradWeights.panels(out); panel++) {
        WinogradWeights.packForward(conv, panel, 0, 1, w, packed);
      }
      place(x, map, scratch, tile);
      run(map, in, out, scratch, tile, packed, work, result);
      double[][] expected = new double[map.pixels() * out][];
      for (int i = 0; i < expected.length; i++) {
        int o = i % out;
        int pixel = i / out;
        expected[i] =
            output(
                conv,
                x,
                in,
                pixel / map.width(),
                pixel % map.width(),
                (tap, c) -> weights[(tap * in + c) * out + o]);
      }
      assertClose(scratch, result, expected, "y");
      assertThat(scratch[result + map.pixels() * out]).isNaN();
      for (int panel = 0; panel < WinogradWeights.panels(in); panel++) {
        WinogradWeights.packBackward(conv, panel, 0, 1, w, packed);
      }
      place(dy, conv.output(), scratch, tile);
      run(map, out, in, scratch, tile, packed, work, result);
      expected = new double[map.pixels() * in][];
      for (int i = 0; i < expected.length; i++) {
        int c = i % in;
        int pixel = i / in;
        expected[i] =
            output(
                conv,
                dy,
                out,
                pixel / map.width(),
                pixel % map.width(),
                (tap, o) -> weights[((8 - tap) * in + c) * out + o]);
      }
      assertClose(scratch, result, expected, "dx");
    }
  }

  private static void run(
      FeatureMap map,
      int in,
      int out,
      float[] scratch,
      int tile,
      float[] packed,
      int work,
      int result) {
    WinogradProduct.run(
        map.height(),
        map.width(),
        in,
        out,
        0,
        out / LANES,
        scratch,
        tile,
        packed,
        scratch,
        work,
        scratch,
        result);
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void weightGradientIsBounded(Convolution conv) {
    FeatureMap map = conv.input();
    int in = map.channels();
    int out = conv.outChannels();
    int plane = in * out;
    int pictures = 3;
    int columns = WinogradProduct.tiles(map.width());
    int rows = WinogradProduct.tiles(map.height());
    // A picture that is no multiple of four is filled up with zeros.
    FeatureMap whole =
        new FeatureMap(rows * WinogradProduct.TILE, columns * WinogradProduct.TILE, in);
    int border = (whole.height() + 2) * (whole.width() + 2);
    int dyAt = 3 + border * in;
    int work = dyAt + border * out;
    int capacity = columns * (rows + 1);
    int sums = work + WinogradBackwardWeights.workFloats(capacity, in, out);
    int gathered = 0;
    float[] scratch = garbage(sums + WinogradProduct.POINTS * plane);
    Arrays.fill(scratch, sums, scratch.length, 0);
    float[][] x = new float[pictures][];
    float[][] dy = new float[pictures][];
    for (int p = 0; p < pictures; p++) {
      x[p] = values(map.values(), true);
      dy[p] = values(conv.output().values(), false);
      place(x[p], map, whole.width(), whole.height(), scratch, 3);
      place(dy[p], conv.output(), whole.width(), whole.height(), scratch, dyAt);
      int tileRow = (whole.width() + 2) * in;
      int dyRow = (whole.width() + 2) * out;
      for (int row = 0; row < rows; row++) {
        if (gathered + columns > capacity) {
          WinogradBackwardWeights.multiply(in, out, gathered, capacity, scratch, work, sums);
          gathered = 0;
        }
        int y = row * WinogradProduct.TILE;
        WinogradBackwardWeights.gather(
            in,
            out,
            gathered,
            capacity,
            columns,
            scratch,
            3 + y * tileRow,
            tileRow,
            dyAt + (y + 1) * dyRow + out,
            dyRow,
            work);
        gathered += columns;
      }
    }
    WinogradBackwardWeights.multiply(in, out, gathered, capacity, scratch, work, sums);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment target = arena.allocate(8 + 4L * conv.weights(), 4);
      WinogradWeights.flush(conv, 0, in, 0, out, scratch, sums, target, 8);
      // A few weights of every tap: each takes a sum over all pixels.
      float[] actual = new float[9 * 40];
      double[][] expected = new double[actual.length][2];
      for (int tap = 0; tap < 9; tap++) {
        for (int i = 0; i < 40; i++) {
          int c = random.nextInt(in);
          int o = random.nextInt(out);
          actual[tap * 40 + i] = target.get(JAVA_FLOAT, 8 + 4L * ((tap * in + c) * out + o));
          for (int p = 0; p < pictures; p++) {
            add(expected[tap * 40 + i], map, x[p], dy[p], tap, c, o, out);
          }
        }
      }
      assertClose(actual, 0, expected, "dw");
    }
  }

  private static void add(
      double[] sums, FeatureMap map, float[] x, float[] dy, int tap, int c, int o, int out) {
    for (int y = 0; y < map.height(); y++) {
      for (int column = 0; column < map.width(); column++) {
        int iy = y + tap / 3 - 1;
        int ix = column + tap % 3 - 1;
        if (iy < 0 || iy >= map.height() || ix < 0 || ix >= map.width()) {
          continue;
        }
        double product =
            (double) x[(iy * map.width() + ix) * map.channels() + c]
                * dy[(y * map.width() + column) * out + o];
        sums[0] += product;
        sums[1] += Math.abs(product);
      }
    }
  }

  private static boolean forward(Algorithms algorithms, Operator operator) {
    return algorithms.forward(stage(operator));
  }

  /** A stage that keeps nothing, as in a prediction. */
  private static Stage stage(Operator operator) {
    return new Stage(operator, Activation.IDENTITY, null, false);
  }

  private static Stage coded(Operator operator, boolean naive) {
    return new Stage(operator, new Activation(true, true, StoreFormat.INT4, naive), null, true);
  }

  @Test
  void isChosenForTheNetworksShapes() {
    Algorithms algorithms = new Algorithms(true);
    for (int[] s : new int[][] {{32, 16}, {16, 32}, {8, 64}, {16, 128}}) {
      Convolution conv = convolution(s[0], s[0], s[1], s[1]);
      assertThat(forward(algorithms, conv)).as("%s", conv).isTrue();
      assertThat(algorithms.backwardData(stage(conv))).as("%s", conv).isTrue();
      assertThat(algorithms.backwardWeights(conv, s[1], s[1], false)).as("%s", conv).isTrue();
    }
  }

  @Test
  void isNotChosenWhereItCannotWorkOrDoesNotPay() {
    Algorithms algorithms = new Algorithms(true);
    FeatureMap map = new FeatureMap(8, 8, 16);
    assertThat(forward(algorithms, new Convolution(map, 16, 3, 2, false))).isFalse();
    assertThat(forward(algorithms, new Convolution(map, 16, 5, 1, false))).isFalse();
    assertThat(forward(algorithms, new Convolution(map, 16, 1, 1, false))).isFalse();
    assertThat(forward(algorithms, new Convolution(map, 17, 3, 1, false))).isFalse();
    assertThat(forward(algorithms, convolution(3, 8, 16, 16))).isFalse();
    assertThat(forward(algorithms, new MaxPooling(map, 3, 1))).isFalse();
    if (LANES < 16) {
      return; // The costs below are the widest vectors'.
    }
    // Few tiles a picture: the transformed weights, four times as many, would be read for it alone.
    assertThat(forward(algorithms, convolution(4, 4, 512, 512))).isFalse();
    assertThat(forward(algorithms, convolution(7, 7, 512, 512))).isFalse();
  }

  @Test
  void gathersSmallPicturesOfATrainingThatMeetLargeWeights() {
    Convolution conv = convolution(7, 7, 512, 512);
    Algorithms algorithms = new Algorithms(true);
    Stage trained = coded(conv, false);
    if (LANES == 16) { // The costs are the widest vectors'.
      assertThat(algorithms.gathers(trained)).isTrue();
      assertThat(algorithms.forward(trained)).isTrue();
      assertThat(algorithms.backwardData(trained)).isTrue();
    }
    assertThat(algorithms.gathers(stage(conv))).as("nothing kept").isFalse();
    assertThat(algorithms.gathers(coded(conv, true))).as("naive").isFalse();
    assertThat(algorithms.gathers(coded(convolution(14, 14, 256, 256), false))).isFalse();
    assertThat(algorithms.gathers(coded(convolution(7, 7, 64, 64), false))).isFalse();
    assertThat(new Algorithms(false).gathers(trained)).isFalse();
  }

  /** A portion of the packed weights is no more than the direct product's weights, or little. */
  @Test
  void aPortionOfPackedWeightsIsSmall() {
    Convolution conv = convolution(7, 7, 512, 512);
    assertThat(WinogradWeights.packedFloats(conv, Cut.PORTIONS))
        .isLessThanOrEqualTo(conv.weights() * 5 / 4);
  }

  @Test
  void isNotChosenForTheNaiveBaselinesForwardPass() {
    Convolution conv = convolution(16, 16, 32, 32);
    Activation exact = new Activation(true, true, StoreFormat.INT4, false);
    Activation naive = new Activation(true, true, StoreFormat.INT4, true);
    Algorithms algorithms = new Algorithms(true);
    assertThat(algorithms.forward(new Stage(conv, exact, null, true))).isTrue();
    assertThat(algorithms.forward(new Stage(conv, naive, null, true))).isFalse();
  }

  @Test
  void canBeTurnedOff() {
    Algorithms algorithms = new Algorithms(false);
    Convolution conv = convolution(16, 16, 32, 32);
    assertThat(forward(algorithms, conv)).isFalse();
    assertThat(algorithms.backwardData(stage(conv))).isFalse();
    assertThat(algorithms.backwardWeights(conv, 32, 32, true)).isFalse();
    assertThat(new VectorKernels(false).description()).contains("without Winograd");
  }
}
