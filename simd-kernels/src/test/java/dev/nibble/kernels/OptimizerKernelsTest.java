package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.kernels.scalar.ScalarKernels;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The optimisers and what goes with them: the scalar kernels' bits, PyTorch's numbers, and nothing
 * beside the range.
 */
class OptimizerKernelsTest {
  private static final int[] SIZES = {1, 7, 8, 15, 16, 17, 33, 100, 259};
  private static final long SEED = 23;

  /** One call on buffers of the same size, all of which it may change. */
  private interface Call {
    void run(Kernels kernels, MemorySegment[] buffers, int size, int from, int to);
  }

  private static final Call SGD =
      (kernels, b, size, from, to) ->
          kernels.sgd(new SgdArgs(size, b[0], b[1], b[2]), from, to, 0.1f, 0.9f, 2e-4f);
  private static final Call NESTEROV =
      (kernels, b, size, from, to) ->
          kernels.nesterov(new SgdArgs(size, b[0], b[1], b[2]), from, to, 0.1f, 0.9f, 2e-4f);
  private static final Call ADAMW =
      (kernels, b, size, from, to) ->
          kernels.adamW(adamW(size, b), from, to, 1e-3f, 0.05f, 0.271, 2.997e-3);

  static Stream<Kernels> kernels() {
    return Providers.underTest().stream();
  }

  private static AdamWArgs adamW(int size, MemorySegment[] b) {
    return new AdamWArgs(size, b[0], b[1], b[2], b[3], 0.9, 0.999, 1e-8);
  }

  private static Call blend(float keep, float add) {
    return (kernels, b, size, from, to) ->
        kernels.blend(new BlendArgs(size, b[0], b[1]), from, to, keep, add);
  }

  /** Values of many sizes; the last row, AdamW's squares, is not negative. */
  private static float[][] values(int rows, int size) {
    Random random = new Random(SEED + size);
    float[][] values = new float[rows][size];
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < size; i++) {
        float value = (float) (random.nextGaussian() * Math.pow(10, random.nextInt(7) - 3));
        values[row][i] = row == 3 ? Math.abs(value) : value;
      }
    }
    return values;
  }

  private static float[][] run(Kernels kernels, Call call, int size, int from, int to) {
    float[][] values = values(4, size);
    try (Guarded memory = new Guarded(4, true)) {
      MemorySegment[] buffers =
          Arrays.stream(values).map(memory::allocate).toArray(MemorySegment[]::new);
      call.run(kernels, buffers, size, from, to);
      memory.verify(kernels.name());
      return Arrays.stream(buffers).map(b -> Guarded.floats(b, size)).toArray(float[][]::new);
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void everyCallGivesTheScalarTablesBitsInItsRangeOnly(Kernels kernels) {
    Call[] calls = {SGD, NESTEROV, ADAMW, blend(0.99f, 0.01f), blend(0, 3), blend(0.25f, 0)};
    for (int c = 0; c < calls.length; c++) {
      for (int size : SIZES) {
        int from = size / 3;
        int to = size - size / 5;
        float[][] before = values(4, size);
        float[][] expected = run(new ScalarKernels(), calls[c], size, from, to);
        float[][] actual = run(kernels, calls[c], size, from, to);
        String what = "%s, call %d, size %d, seed %d".formatted(kernels.name(), c, size, SEED);
        assertThat(actual).as(what).isDeepEqualTo(expected);
        assertThat(actual[0]).as(what).isNotEqualTo(before[0]);
        for (int row = 0; row < before.length; row++) {
          float[] outside = before[row].clone();
          System.arraycopy(actual[row], from, outside, from, to - from);
          assertThat(actual[row]).as("%s, outside the range", what).isEqualTo(outside);
        }
      }
    }
  }

  /**
   * Three steps, each with a gradient and a rate of its own, by PyTorch 2.13 on a CPU:
   * torch.optim.SGD(momentum=0.9, weight_decay=2e-4, nesterov=True) and torch.optim.AdamW(betas=
   * (0.9, 0.999), eps=1e-8, weight_decay=0.05).
   */
  @ParameterizedTest
  @MethodSource("kernels")
  void threeStepsEndWherePyTorchDoes(Kernels kernels) {
    float[] start = {0.5f, -1.25f, 2, -0.03125f};
    float[][] gradients = {
      {0.1f, -0.2f, 0.3f, -0.4f}, {-0.5f, 0.25f, 1.5f, 0}, {2, 0.0078125f, -0.7f, 0.125f}
    };
    float[] rates = {0.1f, 0.05f, 0.2f};
    double[] sgd = {0.184226334, -1.24747992, 1.70261133, 0.0665504411};
    double[] nesterov = {-0.169232249, -1.24170911, 1.76722372, 0.0717654228};
    double[] adamW = {0.321195602, -1.16580689, 1.75595057, 0.161938474};
    try (Guarded memory = new Guarded(0, true)) {
      MemorySegment[][] all = new MemorySegment[3][];
      for (int i = 0; i < all.length; i++) {
        float[] zero = new float[4];
        all[i] =
            new MemorySegment[] {
              memory.allocate(start),
              memory.allocate(zero),
              memory.allocate(zero),
              memory.allocate(zero)
            };
      }
      for (int t = 1; t <= rates.length; t++) {
        float rate = rates[t - 1];
        for (MemorySegment[] b : all) {
          MemorySegment.copy(MemorySegment.ofArray(gradients[t - 1]), 0, b[1], 0, 16);
        }
        kernels.sgd(new SgdArgs(4, all[0][0], all[0][1], all[0][2]), 0, 4, rate, 0.9f, 2e-4f);
        kernels.nesterov(new SgdArgs(4, all[1][0], all[1][1], all[1][2]), 0, 4, rate, 0.9f, 2e-4f);
        double one = 1 - Math.pow(0.9, t);
        double two = 1 - Math.pow(0.999, t);
        kernels.adamW(adamW(4, all[2]), 0, 4, rate, 0.05f, one, two);
      }
      assertNear(kernels.name() + " sgd", Guarded.floats(all[0][0], 4), sgd);
      assertNear(kernels.name() + " nesterov", Guarded.floats(all[1][0], 4), nesterov);
      assertNear(kernels.name() + " adamW", Guarded.floats(all[2][0], 4), adamW);
    }
  }

  private static void assertNear(String what, float[] actual, double[] expected) {
    for (int i = 0; i < expected.length; i++) {
      assertThat((double) actual[i]).as("%s [%d]", what, i).isCloseTo(expected[i], within(5e-7));
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void whatABlendMultipliesByZeroIsNotRead(Kernels kernels) {
    float[] bad = {Float.NaN, Float.POSITIVE_INFINITY, Float.NaN};
    float[] good = {1, 2, 3};
    try (Guarded memory = new Guarded(0, true)) {
      MemorySegment target = memory.allocate(bad);
      kernels.blend(new BlendArgs(3, target, memory.allocate(good)), 0, 3, 0, 0.5f);
      assertThat(Guarded.floats(target, 3)).containsExactly(0.5f, 1, 1.5f);
      kernels.blend(new BlendArgs(3, target, memory.allocate(bad)), 0, 3, 4, 0);
      assertThat(Guarded.floats(target, 3)).containsExactly(2, 4, 6);
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void squaresAreSummedInDoublePrecision(Kernels kernels) {
    for (int size : SIZES) {
      float[] values = values(1, size)[0];
      values[size / 2] = 3e20f; // its square is no float
      int from = size / 3;
      int to = size - size / 5;
      double expected = 0;
      for (int i = from; i < to; i++) {
        expected += (double) values[i] * values[i];
      }
      try (Guarded memory = new Guarded(4, true)) {
        MemorySegment segment = memory.allocate(values);
        double sum = kernels.sumOfSquares(segment, from, to);
        assertThat(sum).as("%d values", size).isCloseTo(expected, within(1e-14 * expected));
        assertThat(sum).isEqualTo(new ScalarKernels().sumOfSquares(segment, from, to));
        assertThat(kernels.sumOfSquares(segment, from, from)).isZero();
      }
    }
  }
}
