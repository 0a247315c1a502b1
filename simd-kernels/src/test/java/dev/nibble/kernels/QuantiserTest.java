package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.kernels.Operator.Resample;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The codes' corner cases against ALGORITHM's formulas, in double: scales that are negative or
 * zero, the ReLU's edge outside the range, channels without variance, values beyond both ends.
 */
class QuantiserTest {
  private static final float EPSILON = 1e-3f;

  /** One channel each: scale, shift, mean and deviation of the input. */
  private static final float[][] CHANNELS = {
    {1f, 0f, 0f, 1f},
    {1.3f, 0.4f, -2f, 3f},
    {-0.7f, 0.3f, 1f, 0.5f},
    {-1f, -1.1f, 0f, 1f},
    {0f, 0.5f, 0f, 1f},
    {0f, -0.5f, 0f, 1f},
    {0f, 0f, 0f, 1f},
    {0.5f, 2f, 0f, 1f},
    {0.5f, -2f, 0f, 1f},
    {-0.5f, 2.5f, 3f, 2f},
    {-0.5f, -2.5f, 3f, 2f},
    {1f, 3f, 0f, 1f},
    {1f, -3f, 0f, 1f},
    {1f, 0.5f, 5f, 0f},
    {1f, -0.5f, 5f, 0f},
    {1e-9f, 1e-9f, 0f, 1f},
    {2f, -0.01f, 100f, 1e-3f},
  };

  static Stream<Arguments> stores() {
    List<Arguments> all = new ArrayList<>();
    for (Kernels kernels : Providers.underTest()) {
      for (StoreFormat format :
          List.of(StoreFormat.UNIFORM8, StoreFormat.UNIFORM4, StoreFormat.UNIFORM2)) {
        for (boolean normalize : new boolean[] {true, false}) {
          for (boolean relu : new boolean[] {true, false}) {
            all.add(Arguments.of(kernels, new Activation(normalize, relu, format, false)));
          }
        }
      }
    }
    return all.stream();
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource("stores")
  void codesFollowTheFormulas(Kernels kernels, Activation activation) {
    FeatureMap map = new FeatureMap(7, 9, CHANNELS.length);
    int batch = 3;
    int channels = map.channels();
    float[] x = new float[batch * map.values()];
    Random random = new Random(7);
    for (int i = 0; i < x.length; i++) {
      float[] channel = CHANNELS[i % channels];
      // Now and then a value far outside the range, for the codes at both ends.
      float spread = random.nextInt(9) == 0 ? 8f : 1f;
      x[i] = channel[2] + channel[3] * spread * (float) random.nextGaussian();
    }
    float[] moments = StageCases.moments(x, channels);
    float[] gamma = new float[channels];
    float[] beta = new float[channels];
    for (int c = 0; c < channels; c++) {
      gamma[c] = CHANNELS[c][0];
      beta[c] = CHANNELS[c][1];
    }
    try (Guarded memory = new Guarded(4, true)) {
      MemorySegment table = memory.allocate(ChannelTable.bytes(channels));
      kernels.fillTable(
          activation,
          channels,
          0,
          channels,
          memory.allocate(moments),
          activation.normalize() ? memory.allocate(gamma) : null,
          activation.normalize() ? memory.allocate(beta) : null,
          EPSILON,
          table);
      MemorySegment input = memory.allocate(x);
      MemorySegment store = memory.allocate(batch * activation.store().bytes(map));
      float[] exact = read(kernels, memory, activation, map, batch, input, table, store);
      Activation naive =
          new Activation(activation.normalize(), activation.relu(), activation.store(), true);
      float[] restored = read(kernels, memory, naive, map, batch, input, table, store);
      float[] hats = hats(kernels, memory, activation.store(), map, batch, table, store);
      memory.verify(kernels.name());
      int top = activation.store().codec().codes() - 1;
      int lowest = top;
      int highest = 0;
      for (int i = 0; i < x.length; i++) {
        int c = i % channels;
        int pixel = i / channels % map.pixels();
        double sd = Math.sqrt((double) moments[channels + c] + EPSILON);
        Grid grid =
            new Grid(
                activation,
                activation.normalize() ? gamma[c] : (float) sd,
                activation.normalize() ? beta[c] : moments[c]);
        double hat = ((double) x[i] - moments[c]) / sd;
        int code = CodeCheck.code(activation.store(), map, store, i / map.values(), pixel, c);
        String what = "%s %s channel %d value %s".formatted(kernels.name(), activation, c, x[i]);
        int expected = grid.code(hat, exact[i]);
        if (code != expected) {
          assertThat(Math.abs(code - expected)).as(what).isEqualTo(1);
          // Offsets are as fine as floats of the mean's size, and no finer than x itself.
          double fine = 1e-4 + Math.ulp(moments[c]) / sd;
          assertThat(grid.distanceToEdge(hat)).as(what).isLessThan(fine);
        }
        if (activation.relu()) {
          assertThat(code >= grid.edge).as("%s: mask", what).isEqualTo(exact[i] > 0);
        }
        assertThat((double) hats[i])
            .as("%s: hat restored", what)
            .isCloseTo(grid.hat(code), within(1e-4));
        double value = grid.value(code);
        assertThat((double) restored[i])
            .as("%s: value restored", what)
            .isCloseTo(value, within(1e-5 * (8 + Math.abs(value))));
        lowest = Math.min(lowest, code);
        highest = Math.max(highest, code);
      }
      assertThat(lowest).as("the lowest code").isZero();
      assertThat(highest).as("the highest code").isEqualTo(top);
    }
  }

  @Test
  void statisticsKeepTheirDigitsFarFromZero() {
    FeatureMap map = new FeatureMap(16, 16, 3);
    int batch = 4;
    float[] x = new float[batch * map.values()];
    Random random = new Random(3);
    for (int i = 0; i < x.length; i++) {
      x[i] = 1000f + 0.01f * (float) random.nextGaussian();
    }
    float[] expected = StageCases.moments(x, 3);
    for (Kernels kernels : Providers.underTest()) {
      try (Guarded memory = new Guarded(0, true)) {
        MemorySegment sums = memory.allocateAligned(3 * Partials.statisticsBytes(3));
        Stage stage = new Stage(Resample.identity(map), Activation.IDENTITY, null, true);
        int[] bounds = {0, 1, 1, 4};
        Runner.forward(
            kernels,
            new ForwardArgs(
                stage,
                batch,
                memory.allocate(x),
                null,
                null,
                null,
                null,
                null,
                null,
                memory.allocate(batch * map.bytes()),
                sums),
            bounds);
        MemorySegment moments = memory.allocate(24);
        kernels.finishStatistics(sums, new Cut(3, 1), 3, 0, 3, moments);
        float[] actual = Guarded.floats(moments, 6);
        for (int i = 0; i < 6; i++) {
          assertThat(actual[i] / expected[i])
              .as("%s moment %d", kernels.name(), i)
              .isBetween(0.9999f, 1.0001f);
        }
      }
    }
  }

  private static float[] read(
      Kernels kernels,
      Guarded memory,
      Activation activation,
      FeatureMap map,
      int batch,
      MemorySegment x,
      MemorySegment table,
      MemorySegment store) {
    Stage stage = new Stage(Resample.identity(map), activation, null, false);
    MemorySegment y = memory.allocate(batch * map.bytes());
    Runner.forward(
        kernels,
        new ForwardArgs(stage, batch, x, table, store, null, null, null, null, y, null),
        0,
        batch);
    return Guarded.floats(y, batch * map.values());
  }

  /** The restored normalised values: a gradient term with d = 0 and a slope of 1 is hat itself. */
  private static float[] hats(
      Kernels kernels,
      Guarded memory,
      StoreFormat format,
      FeatureMap map,
      int batch,
      MemorySegment table,
      MemorySegment store) {
    int channels = map.channels();
    float[] rows = Guarded.floats(table, ChannelTable.ROWS * channels);
    int dx = ChannelTable.DX_SCALE * channels;
    Arrays.fill(rows, dx, dx + channels, 0f);
    // The rows of the gradient's way through the codes are hat's own then.
    int hat = ChannelTable.HAT_SCALE * channels;
    System.arraycopy(rows, hat, rows, ChannelTable.DX_CODE * channels, 4 * channels);
    MemorySegment hats = memory.allocate(batch * map.bytes());
    Stage stage = new Stage(Resample.identity(map), Activation.IDENTITY, null, false);
    Runner.backward(
        kernels,
        new BackwardArgs(
            stage,
            batch,
            List.of(
                new GradientTerm.Normalized(
                    map,
                    memory.allocate(new float[batch * map.values()]),
                    memory.allocate(rows),
                    format,
                    store)),
            hats,
            null,
            null,
            null,
            null,
            null,
            List.of(),
            null,
            null,
            memory.allocateAligned(Partials.sumBytes(stage))),
        0,
        batch);
    return Guarded.floats(hats, batch * map.values());
  }

  /** ALGORITHM's quantiser of one channel, in double. */
  private static final class Grid {
    final double step;
    final double sign;
    final double g;
    final double beta;
    final double b;
    final double edge;
    final double bias;
    final int top;
    final boolean relu;

    Grid(Activation activation, float gamma, float shift) {
      int bits = activation.store().codec().bits();
      relu = activation.relu();
      step = 6.0 / (1 << bits);
      top = (1 << bits) - 1;
      sign = gamma < 0 ? -1 : 1;
      g = Math.max(Math.abs((double) gamma), 1e-8);
      beta = shift;
      // Without a ReLU there is no edge to keep: the grid is centred.
      b = relu ? beta / g : 0;
      double half = 1 << (bits - 1);
      double raw = half - Math.floor(b / step);
      edge = Math.min(Math.max(raw, 1), top);
      bias = raw == edge ? b : (half - edge) * step;
    }

    int code(double hat, float z) {
      double q = Math.floor((sign * hat + bias) / step) + edge;
      q = Math.min(Math.max(q, 0), top);
      if (relu) {
        q = z > 0 ? Math.max(q, edge) : Math.min(q, edge - 1);
      }
      return (int) q;
    }

    /** How far, in units of x^, a value lies from the nearest edge of a bin or of the ReLU. */
    double distanceToEdge(double hat) {
      double v = (sign * hat + bias) / step;
      double distance = Math.abs(v - Math.rint(v)) * step;
      return relu ? Math.min(distance, Math.abs(hat + sign * b)) : distance;
    }

    double hat(int code) {
      return sign * ((code - edge + 0.5) * step - bias);
    }

    double value(int code) {
      double value = g * sign * hat(code) + beta;
      return relu ? (code >= edge ? Math.max(value, 0) : 0) : value;
    }
  }
}
