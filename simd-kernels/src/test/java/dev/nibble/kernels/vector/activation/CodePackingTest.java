package dev.nibble.kernels.vector.activation;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Codec;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.vector.base.Lanes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Codes that vectors write and read, bit by bit against the formulas of {@link ChannelTable}. */
final class CodePackingTest {
  private static final long SEED = 90_125;

  private final Random random = new Random(SEED);

  /** A table whose edges lie anywhere and whose scales have both signs. */
  private float[][] table(StoreFormat format, boolean relu, int channels) {
    float[][] rows = new float[ChannelTable.ROWS][channels];
    Codec codec = format.codec();
    for (int c = 0; c < channels; c++) {
      for (float[] row : rows) {
        row[c] = (float) random.nextGaussian();
      }
      float range = codec.start(codec.codes()) - codec.start(0);
      int most = codec.isShared() ? 1 : codec.codes() - 1;
      float edge = codec.start(1 + random.nextInt(most));
      float scale = (random.nextBoolean() ? range : -range) / 6;
      float low = scale * random.nextFloat();
      rows[ChannelTable.CODE_SCALE][c] = scale;
      rows[ChannelTable.CODE_OFFSET][c] = edge;
      rows[ChannelTable.LOW_CODE_SCALE][c] = low;
      rows[ChannelTable.LOW_CODE_OFFSET][c] = edge;
      rows[ChannelTable.EDGE][c] = edge;
      rows[ChannelTable.LOW][c] = relu ? edge : codec.start(0);
      rows[ChannelTable.HIGH][c] = codec.start(codec.codes());
      if (relu) {
        rows[ChannelTable.LOW_ACT_SCALE][c] = 0;
        rows[ChannelTable.LOW_ACT_OFFSET][c] = 0;
      }
    }
    return rows;
  }

  /** Values of all sizes, with the ones that conversions stumble over. */
  private float value() {
    return switch (random.nextInt(40)) {
      case 0 -> 0f;
      case 1 -> -0f;
      case 2 -> Float.NaN;
      case 3 -> 3e38f;
      case 4 -> -3e38f;
      case 5 -> Float.NEGATIVE_INFINITY;
      default -> (float) random.nextGaussian() * 2;
    };
  }

  @ParameterizedTest
  @EnumSource(
      names = {"NONE", "KEPT", "FP32"},
      mode = EnumSource.Mode.EXCLUDE)
  void codesAndActivations(StoreFormat format) {
    for (int normalize = 0; normalize < 2; normalize++) {
      for (int relu = 0; relu < 2; relu++) {
        for (int extra : new int[] {0, 5}) {
          FeatureMap map = new FeatureMap(5, 8, 2 * Lanes.LANES + 3);
          check(new Activation(normalize > 0, relu > 0, format, false), map, extra);
        }
        // A last byte that is not full.
        FeatureMap partial = new FeatureMap(3, 5, Lanes.LANES);
        check(new Activation(normalize > 0, relu > 0, format, false), partial, 0);
      }
    }
  }

  private void check(Activation activation, FeatureMap map, int extra) {
    StoreFormat format = activation.store();
    int channels = map.channels();
    float[][] rows = table(format, activation.relu(), channels);
    int picture = 1;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment x = arena.allocate(2 * map.bytes(), 4);
      for (long i = 0; i < 2L * map.values(); i++) {
        x.set(JAVA_FLOAT, 4 * i, value());
      }
      MemorySegment table = arena.allocate(ChannelTable.bytes(channels), 4);
      for (int row = 0; row < ChannelTable.ROWS; row++) {
        long at = ChannelTable.offset(row, channels);
        MemorySegment.copy(rows[row], 0, table, JAVA_FLOAT, at, channels);
      }
      MemorySegment store = arena.allocate(2 * format.bytes(map), 4);
      store.fill((byte) 0x5a);
      int tile = TableRows.floats(channels);
      float[] scratch = new float[tile + map.values() + map.pixels() * extra];
      TableRows.load(activation, table, channels, scratch, 0);
      ActivationLoader.load(
          activation,
          format,
          map,
          picture,
          0,
          map.pixels(),
          0,
          map.channels(),
          x,
          store,
          scratch,
          0,
          tile);
      float[] restored = scratch.clone();
      ActivationRestorer.restore(
          activation,
          map,
          picture,
          0,
          map.pixels(),
          0,
          channels,
          null,
          store,
          restored,
          0,
          tile,
          channels + extra);
      for (int c = 0; c < channels; c++) {
        int[] codes = new int[map.pixels()];
        for (int pixel = 0; pixel < map.pixels(); pixel++) {
          float value = x.get(JAVA_FLOAT, map.bytes() + 4L * (pixel * channels + c));
          codes[pixel] = code(activation, rows, c, value);
          float loaded = scratch[tile + pixel * channels + c];
          float z = Math.fma(value, rows[ChannelTable.Z_SCALE][c], rows[ChannelTable.Z_OFFSET][c]);
          assertSame(
              what(activation, map, pixel, c), loaded, activation.relu() ? Math.max(z, 0f) : z);
        }
        for (int pixel = 0; pixel < map.pixels(); pixel++) {
          float again = restored[tile + pixel * (channels + extra) + c];
          checkStored(activation, map, store, rows, codes, pixel, c, again);
        }
        checkUnused(activation, map, store, c);
      }
      for (long i = 0; i < format.bytes(map); i++) {
        assertThat(store.get(JAVA_BYTE, i))
            .as("byte %d of another picture", i)
            .isEqualTo((byte) 0x5a);
      }
    }
  }

  private static String what(Activation activation, FeatureMap map, int pixel, int c) {
    return "seed %d, %s, %s, pixel %d, channel %d".formatted(SEED, activation, map, pixel, c);
  }

  /**
   * The last code of its side whose range begins no later than v; of what is not a number, the last
   * one.
   */
  private static int code(Activation activation, float[][] rows, int c, float value) {
    float z = Math.fma(value, rows[ChannelTable.Z_SCALE][c], rows[ChannelTable.Z_OFFSET][c]);
    float v = Math.fma(value, rows[ChannelTable.CODE_SCALE][c], rows[ChannelTable.CODE_OFFSET][c]);
    v =
        Math.max(
            v,
            Math.fma(
                value,
                rows[ChannelTable.LOW_CODE_SCALE][c],
                rows[ChannelTable.LOW_CODE_OFFSET][c]));
    Codec codec = activation.store().codec();
    float edge = edge(activation, rows, c);
    boolean off = activation.relu() && z <= 0;
    int code = -1;
    for (int i = 0; i < codec.codes(); i++) {
      boolean fits = off ? codec.start(i) < edge : codec.start(i) >= edge;
      if (fits && (code < 0 || !(v < codec.start(i)))) {
        code = i;
      }
    }
    return code;
  }

  private static float edge(Activation activation, float[][] rows, int c) {
    return activation.relu() ? rows[ChannelTable.EDGE][c] : activation.store().codec().start(0);
  }

  private static void checkStored(
      Activation activation,
      FeatureMap map,
      MemorySegment store,
      float[][] rows,
      int[] codes,
      int pixel,
      int c,
      float restored) {
    StoreFormat format = activation.store();
    Codec codec = format.codec();
    String what = what(activation, map, pixel, c) + ", code " + codes[pixel];
    float w = codec.isShared() ? sharedPlace(codec, codes, pixel) : codec.place(codes[pixel]);
    assertSame(what, codec.place(store, format.bytes(map), map.channels(), pixel, c), w);
    float back = Math.fma(w, rows[ChannelTable.ACT_SCALE][c], rows[ChannelTable.ACT_OFFSET][c]);
    float low =
        Math.fma(w, rows[ChannelTable.LOW_ACT_SCALE][c], rows[ChannelTable.LOW_ACT_OFFSET][c]);
    back = w >= rows[ChannelTable.EDGE][c] ? back : low;
    if (!activation.isDirect()) {
      Nonlinearity function = activation.nonlinearity();
      back = function.value(function.onSide(back, w < edge(activation, rows, c) ? -1 : 0), 0);
    }
    assertSame(what, restored, back);
  }

  /**
   * Of four levels the one nearest to the mean place of the upper codes among the pixel's eight.
   */
  private static float sharedPlace(Codec codec, int[] codes, int pixel) {
    if (codes[pixel] == 0) {
      return codec.place(0);
    }
    double sum = 0;
    int count = 0;
    for (int i = pixel / 8 * 8; i < Math.min(pixel / 8 * 8 + 8, codes.length); i++) {
      sum += codes[i] == 0 ? 0 : codec.place(codes[i]);
      count += codes[i] == 0 ? 0 : 1;
    }
    float nearest = Float.NaN;
    for (int level = 0; level < 4; level++) {
      float place = Float.intBitsToFloat(codec.levelBits() + level * codec.levelStep());
      // Of two that lie as near, the lower one.
      if (!(Math.abs(sum / count - place) >= Math.abs(sum / count - nearest))) {
        nearest = place;
      }
    }
    return nearest;
  }

  private static void checkUnused(
      Activation activation, FeatureMap map, MemorySegment store, int c) {
    StoreFormat format = activation.store();
    Codec codec = format.codec();
    for (int i = map.pixels(); i % codec.pixelsPerGroup() != 0; i++) {
      assertThat(codec.place(store, format.bytes(map), map.channels(), i, c))
          .as("unused, " + what(activation, map, i, c))
          .isEqualTo(codec.place(0));
    }
  }

  /** The same bits; every NaN is one. */
  private static void assertSame(String what, float actual, float expected) {
    assertThat(Float.floatToIntBits(actual)).as(what).isEqualTo(Float.floatToIntBits(expected));
  }
}
