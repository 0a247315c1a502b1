package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.kernels.Operator.Resample;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Fitted codes by what they are for: little of an activation is lost, the mask is exact, and no
 * channel, however odd, is restored to nonsense.
 */
class FittedCodesTest {
  private static final float EPSILON = 1e-3f;
  private static final FeatureMap MAP = new FeatureMap(37, 29, 12);

  /** Scale and shift of each channel: edges all over the range, and outside it on both sides. */
  private static final float[][] CHANNELS = {
    {1f, 0f}, {1.3f, 0.4f}, {-0.7f, 0.3f}, {-1f, -1.1f}, {0.5f, 0.8f}, {2f, -2.6f},
    {0f, 0.5f}, {0f, -0.5f}, {0f, 0f}, {0.5f, 4f}, {-0.5f, -4f}, {1e-9f, 1e-9f},
  };

  private float[] x = {};
  private float[] z = {};
  private float[] restored = {};
  private int[] codes = {};
  private float edge;

  /** Reads a batch through an activation, exactly and through its codes. */
  private void run(Kernels kernels, StoreFormat format, boolean relu, float spread) {
    int channels = MAP.channels();
    Random random = new Random(11);
    x = new float[MAP.values()];
    float[] gamma = new float[channels];
    float[] beta = new float[channels];
    for (int c = 0; c < channels; c++) {
      gamma[c] = CHANNELS[c][0];
      beta[c] = CHANNELS[c][1];
    }
    for (int i = 0; i < x.length; i++) {
      x[i] = 3 + spread * (float) random.nextGaussian();
    }
    Activation activation = new Activation(true, relu, format, false);
    try (Guarded memory = new Guarded(4, true)) {
      MemorySegment table = memory.allocate(ChannelTable.bytes(channels));
      MemorySegment moments = memory.allocate(StageCases.moments(x, channels));
      kernels.fillTable(
          activation,
          channels,
          0,
          channels,
          moments,
          memory.allocate(gamma),
          memory.allocate(beta),
          EPSILON,
          table);
      MemorySegment store = memory.allocate(format.bytes(MAP));
      z = read(kernels, memory, activation, table, store);
      restored = read(kernels, memory, new Activation(true, relu, format, true), table, store);
      codes = new int[x.length];
      for (int i = 0; i < x.length; i++) {
        codes[i] = CodeCheck.code(format, MAP, store, 0, i / channels, i % channels);
      }
      edge = CodeCheck.row(table, ChannelTable.EDGE, channels, 0);
      memory.verify(kernels.name());
    }
  }

  private float[] read(
      Kernels kernels,
      Guarded memory,
      Activation activation,
      MemorySegment table,
      MemorySegment store) {
    Stage stage = new Stage(Resample.identity(MAP), activation, null, false);
    MemorySegment y = memory.allocate(MAP.bytes());
    MemorySegment input = memory.allocate(x);
    Runner.forward(
        kernels,
        new ForwardArgs(stage, 1, input, table, store, null, null, null, null, y, null),
        0,
        1);
    return Guarded.floats(y, MAP.values());
  }

  /** The relative error of a channel's restored activation. */
  private double error(int channel) {
    double difference = 0;
    double size = 0;
    for (int i = channel; i < z.length; i += MAP.channels()) {
      difference += Math.pow((double) restored[i] - z[i], 2);
      size += (double) z[i] * z[i];
    }
    return Math.sqrt(difference / size);
  }

  @ParameterizedTest
  @CsvSource({
    "INT8, 0.015",
    "INT4, 0.095",
    "INT3, 0.16",
    "INT2, 0.3",
    "TERNARY, 0.42",
    "INT1, 0.75",
  })
  void littleIsLostOfNormalValues(StoreFormat format, double most) {
    for (Kernels kernels : Providers.underTest()) {
      run(kernels, format, true, 2f);
      for (int c = 0; c < 5; c++) {
        assertThat(error(c)).as("%s, channel %d", kernels.name(), c).isLessThan(most);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"INT8, 0.04", "INT4, 0.13", "INT3, 0.23", "INT2, 0.42"})
  void norWithoutARelu(StoreFormat format, double most) {
    for (Kernels kernels : Providers.underTest()) {
      run(kernels, format, false, 2f);
      assertThat(error(0)).as(kernels.name()).isLessThan(most);
      assertThat(error(2)).as(kernels.name()).isLessThan(most);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = StoreFormat.class,
      names = {"INT8", "INT4", "INT3", "INT2", "TERNARY", "INT1"})
  void masksAreExactAndValuesSane(StoreFormat format) {
    Codec codec = format.codec();
    for (Kernels kernels : Providers.underTest()) {
      for (float spread : new float[] {2f, 0f}) {
        run(kernels, format, true, spread);
        for (int i = 0; i < x.length; i++) {
          int c = i % MAP.channels();
          String what = "%s, channel %d, value %s".formatted(kernels.name(), c, x[i]);
          assertThat(CodeCheck.place(codec, codes[i]) >= edge).as(what).isEqualTo(z[i] > 0);
          assertThat(restored[i]).as(what).isGreaterThanOrEqualTo(0f).isFinite();
          // What is restored lies in the range that the channel has, or a level above its edge.
          assertThat(restored[i]).as(what).isLessThanOrEqualTo(range(c));
        }
      }
    }
  }

  private static float range(int c) {
    return Math.abs(CHANNELS[c][0]) * 9 + Math.max(CHANNELS[c][1], 0) + 1e-6f;
  }

  @Test
  void groupsPackWithoutWaste() {
    FeatureMap map = new FeatureMap(5, 8, 3);
    assertThat(StoreFormat.INT8.bytes(map)).isEqualTo(120);
    assertThat(StoreFormat.INT4.bytes(map)).isEqualTo(60);
    assertThat(StoreFormat.INT3.bytes(map)).isEqualTo(45);
    assertThat(StoreFormat.INT2.bytes(map)).isEqualTo(30);
    assertThat(StoreFormat.TERNARY.bytes(map)).isEqualTo(24);
    assertThat(StoreFormat.INT1.bytes(map)).isEqualTo(30);
    assertThat(StoreFormat.INT1.bytes(new FeatureMap(8, 16, 3))).isEqualTo(60);
    assertThat(StoreFormat.TERNARY.bytes(new FeatureMap(1, 11, 2))).isEqualTo(6);
  }

  @Test
  void thePapersCodesHaveThePapersWidths() {
    assertThat(StoreFormat.INT4.uniform()).isEqualTo(StoreFormat.UNIFORM4);
    assertThat(StoreFormat.UNIFORM2.fitted()).isEqualTo(StoreFormat.INT2);
    assertThat(StoreFormat.FP32.uniform()).isEqualTo(StoreFormat.FP32);
    assertThatThrownBy(StoreFormat.INT3::uniform).hasMessageContaining("8, 4 or 2 bits");
  }
}
