package dev.nibble.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.Codec;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.provider.KernelProvider;
import java.lang.foreign.MemorySegment;
import org.assertj.core.data.Offset;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CodeFixtureTest {
  @ParameterizedTest
  @EnumSource(
      value = StoreFormat.class,
      names = {"INT8", "INT4", "INT3", "INT2", "TERNARY", "INT1"})
  void packedCodesAreTheSpecifications(StoreFormat store) {
    try (CodeFixture measured = new CodeFixture(KernelProvider.choose("auto"), store, 2);
        StageFixture specified =
            new StageFixture(
                KernelProvider.choose("scalar"), Resample.identity(CodeFixture.MAP), store, 2)) {
      MemorySegment codes = requireNonNull(measured.args().store());
      codes.fill((byte) 0);
      measured.pack();
      assertThat(codes.mismatch(requireNonNull(specified.forwardArgs().store()))).isEqualTo(-1);
      // Half of the values are positive, and pass the ReLU as they are.
      float z = specified.forwardArgs().y().get(JAVA_FLOAT, CodeFixture.MAP.bytes());
      assertThat(measured.activation(0)).isCloseTo(z, Offset.offset(1e-5f));
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = StoreFormat.class,
      names = {"INT8", "INT4", "INT3", "INT2", "TERNARY", "INT1"})
  void unpackedValuesAreTheTables(StoreFormat store) {
    try (CodeFixture measured = new CodeFixture(KernelProvider.choose("auto"), store, 2)) {
      measured.unpack();
      int positive = 0;
      for (int i = 0; i < CodeFixture.MAP.values(); i++) {
        float expected = restored(measured.args(), store, i);
        assertThat(measured.activation(i)).as("value %d", i).isEqualTo(expected, Offset.offset(0f));
        positive += expected > 0 ? 1 : 0;
      }
      assertThat(positive)
          .isBetween(CodeFixture.MAP.values() / 3, CodeFixture.MAP.values() * 2 / 3);
    }
  }

  /** Value i of the second picture, by the definition in {@link ChannelTable}. */
  private static float restored(ForwardArgs args, StoreFormat store, int i) {
    int channels = CodeFixture.MAP.channels();
    int channel = i % channels;
    int pixel = i / channels;
    Codec codec = store.codec();
    long picture = codec.bytes(CodeFixture.MAP);
    float w = codec.place(requireNonNull(args.store()), picture, channels, pixel, channel);
    float a =
        Math.fma(
            w,
            row(args, ChannelTable.ACT_SCALE, channel),
            row(args, ChannelTable.ACT_OFFSET, channel));
    return w >= row(args, ChannelTable.EDGE, channel) ? a : 0f;
  }

  private static float row(ForwardArgs args, int row, int channel) {
    long at = ChannelTable.offset(row, CodeFixture.MAP.channels()) + 4L * channel;
    return requireNonNull(args.table()).get(JAVA_FLOAT, at);
  }
}
