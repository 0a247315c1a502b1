package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.kernels.Operator.AveragePooling;
import dev.nibble.kernels.Operator.ChannelShuffle;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.Dropout;
import dev.nibble.kernels.Operator.MaxPooling;
import dev.nibble.kernels.Operator.Multiply;
import dev.nibble.kernels.Operator.Padding;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.LongFunction;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * {@link HostileArgumentsTest} for the operators that have buffers, windows or sizes of their own.
 */
class HostileOperatorsTest {
  private static final int BATCH = 2;
  private static final FeatureMap MAP = new FeatureMap(6, 5, 18);

  static Stream<Stage> stages() {
    Window window = new Window(3, 2, 2, 1, 2, 0, 1, 3, 1, 2);
    FeatureMap pixel = new FeatureMap(1, 1, 18);
    return Stream.of(
            new Convolution(MAP, 27, window, 9, true),
            new Convolution(MAP, 18, window, 18, true),
            new MaxPooling(MAP, Window.square(3, 2, 1), true),
            MaxPooling.global(new FeatureMap(20, 20, 18)),
            new AveragePooling(MAP, Window.square(3, 2, 1), true, true),
            new Multiply(MAP, MAP),
            new Multiply(MAP, pixel),
            new Dropout(MAP, 0.4f, 1, false),
            new Dropout(MAP, 0.4f, 1, true),
            new ChannelShuffle(MAP, 3),
            GroupNorm.byPixel(MAP, 1e-5f),
            GroupNorm.of(MAP, 3, 1e-5f),
            GroupNorm.byResponse(MAP, 1e-5f, true),
            new Sampling(
                MAP, AxisSampling.linear(MAP.height(), 9), AxisSampling.nearest(MAP.width(), 3)),
            new Padding(MAP, 1, -2, 2, 1, -3, 5))
        .map(HostileOperatorsTest::stage);
  }

  /** Its output is a slice of a wider tensor. */
  private static Stage stage(Operator operator) {
    boolean reads = operator.needsInputValues();
    Activation activation =
        new Activation(reads, reads, reads ? StoreFormat.INT4 : StoreFormat.NONE, false);
    Layout layout = new Layout(operator.outputChannels() + 11, 6);
    return new Stage(operator, activation, null, true, layout);
  }

  static Stream<Arguments> cases() {
    return Providers.underTest().stream()
        .flatMap(kernels -> stages().map(stage -> Arguments.of(kernels, stage)));
  }

  /** Bytes of the buffers, in the order in which they are bound; 0 for none. */
  private static long[] bytes(Stage stage) {
    Operator op = stage.operator();
    FeatureMap in = stage.input();
    FeatureMap out = stage.output();
    Activation activation = stage.activation();
    FeatureMap factor = op.factor();
    long factorBytes = factor == null ? 0 : BATCH * factor.bytes();
    return new long[] {
      BATCH * in.bytes(),
      activation.needsTable() ? ChannelTable.bytes(in.channels()) : 0,
      BATCH * activation.store().bytes(in),
      4L * op.weights(),
      stage.hasBias() ? 4L * out.channels() : 0,
      BATCH * op.savedBytes(),
      BATCH * stage.layout().bytes(out),
      factorBytes,
      op instanceof Dropout ? Draw.BYTES : 0,
      BATCH * stage.layout().bytes(out),
      BATCH * out.bytes(),
      BATCH * in.bytes(),
      factorBytes,
      Partials.statisticsBytes(out.channels()),
      4L * Partials.weightValues(stage),
      Partials.sumBytes(stage)
    };
  }

  private static ForwardArgs forward(Stage stage, MemorySegment[] s) {
    return new ForwardArgs(
        stage, BATCH, s[0], s[1], s[2], s[3], s[4], null, s[5], s[6], s[13], s[7], s[8]);
  }

  private static BackwardArgs backward(Stage stage, MemorySegment[] s) {
    return new BackwardArgs(
        stage,
        BATCH,
        List.of(new GradientTerm.Slice(stage.output(), s[9], stage.layout())),
        s[10],
        null,
        s[1],
        s[2],
        s[3],
        s[5],
        List.of(),
        s[11],
        s[14],
        s[15],
        s[7],
        s[12],
        s[8]);
  }

  private static void bind(Stage stage, MemorySegment[] s) {
    forward(stage, s);
    backward(stage, s);
  }

  private static MemorySegment[] segments(long[] bytes, LongFunction<MemorySegment> allocate) {
    MemorySegment[] segments = new MemorySegment[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      segments[i] = bytes[i] == 0 ? null : allocate.apply(bytes[i]);
    }
    return segments;
  }

  @ParameterizedTest
  @MethodSource("stages")
  void buffersThatAreMissingOrTooSmallOrOnTheHeapOrMisalignedAreRefused(Stage stage) {
    long[] bytes = bytes(stage);
    try (Arena arena = Arena.ofConfined()) {
      bind(stage, segments(bytes, size -> arena.allocate(size, 64)));
      List<LongFunction<MemorySegment>> bad =
          List.of(
              size -> arena.allocate(size - 1, 64),
              size -> arena.allocate(size + 64, 64).asSlice(1, size),
              size -> MemorySegment.ofArray(new double[Math.toIntExact(size / 8 + 1)]),
              size -> MemorySegment.NULL);
      for (int i = 0; i < bytes.length; i++) {
        for (LongFunction<MemorySegment> kind : bad) {
          MemorySegment[] segments = segments(bytes, size -> arena.allocate(size, 64));
          if (segments[i] != null) {
            segments[i] = kind.apply(bytes[i]);
            assertThatThrownBy(() -> bind(stage, segments))
                .as("buffer %d of %s", i, stage)
                .isInstanceOf(IllegalArgumentException.class);
          }
        }
      }
      for (int i : new int[] {7, 8, 12}) {
        MemorySegment[] segments = segments(bytes, size -> arena.allocate(size, 64));
        if (segments[i] != null) {
          segments[i] = null;
          assertThatThrownBy(() -> bind(stage, segments))
              .isInstanceOf(IllegalArgumentException.class)
              .hasMessageContaining("The stage needs its");
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void whatLiesInMemoryLeadsNowhere(Kernels provider, Stage stage) {
    long seed = 31L * stage.hashCode();
    Random random = new Random(seed);
    try (Guarded memory = new Guarded(0, true);
        OpenKernelsOfStage open = new OpenKernelsOfStage(provider, stage, BATCH, 1, 1)) {
      Kernels kernels = open.kernels();
      MemorySegment[] s = segments(bytes(stage), memory::allocate);
      for (int i = 13; i < s.length; i++) {
        s[i] = s[i] == null ? null : memory.allocateAligned(bytes(stage)[i]);
      }
      for (int i = 0; i < s.length; i++) {
        for (long at = 0; at + 4 <= bytes(stage)[i]; at += 4) {
          s[i].set(ValueLayout.JAVA_INT, at, random.nextInt());
        }
      }
      ForwardArgs forward = forward(stage, s);
      BackwardArgs backward = backward(stage, s);
      float[] packed = new float[kernels.packedFloats(stage)];
      float[] scratch = new float[kernels.scratchFloats(stage)];
      List<Runnable> calls = new ArrayList<>();
      for (int unit = 0; unit < kernels.packUnits(stage); unit++) {
        int u = unit;
        calls.add(() -> kernels.packBackward(backward, u, packed));
      }
      calls.add(() -> kernels.sumGradient(backward, 0, BATCH, 0, 1, scratch));
      calls.add(() -> kernels.backwardData(backward, 0, 0, BATCH, 0, 1, packed, scratch));
      if (stage.needsInputValues()) {
        calls.add(() -> kernels.backwardWeights(backward, 0, 0, BATCH, 0, 1, scratch));
      }
      calls.add(() -> kernels.backward(backward, 0, 0, BATCH, 0, 1, packed, scratch));
      for (int unit = 0; unit < kernels.packUnits(stage); unit++) {
        int u = unit;
        calls.add(() -> kernels.packForward(forward, u, packed));
      }
      calls.add(() -> kernels.forward(forward, 0, 0, BATCH, 0, 1, packed, scratch));
      for (Runnable call : calls) {
        try {
          call.run();
        } catch (IndexOutOfBoundsException e) {
          // A place outside its window, told by the kernels that use it as an index.
          assertThatThrownBy(call::run).isInstanceOf(IndexOutOfBoundsException.class);
        }
      }
      memory.verify(kernels.name() + ", seed " + seed);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void rangesAndArraysOutsideAreRefused(Kernels provider, Stage stage) {
    try (Guarded memory = new Guarded(0, true);
        OpenKernelsOfStage open = new OpenKernelsOfStage(provider, stage, BATCH, 1, 1)) {
      Kernels kernels = open.kernels();
      MemorySegment[] s = segments(bytes(stage), memory::allocateAligned);
      s[13] = s[13].asSlice(0, bytes(stage)[13]);
      s[15] = s[15].asSlice(0, bytes(stage)[15]);
      ForwardArgs forward = forward(stage, s);
      BackwardArgs backward = backward(stage, s);
      float[] packed = new float[kernels.packedFloats(stage)];
      float[] scratch = new float[kernels.scratchFloats(stage)];
      float[] small = new float[1];
      for (int[] range : new int[][] {{-1, 1}, {0, BATCH + 1}, {1, 0}, {1 << 30, 1 << 30}}) {
        int from = range[0];
        int to = range[1];
        refused(() -> kernels.forward(forward, 0, from, to, 0, 1, packed, scratch));
        refused(() -> kernels.backward(backward, 0, from, to, 0, 1, packed, scratch));
        refused(() -> kernels.backwardData(backward, 0, from, to, 0, 1, packed, scratch));
        refused(() -> kernels.backwardWeights(backward, 0, from, to, 0, 1, scratch));
      }
      for (int region : new int[] {-1, 1, 1 << 30}) {
        refused(() -> kernels.forward(forward, region, 0, 1, 0, 1, packed, scratch));
        refused(() -> kernels.backward(backward, region, 0, 1, 0, 1, packed, scratch));
        refused(() -> kernels.backwardData(backward, region, 0, 1, 0, 1, packed, scratch));
      }
      refused(() -> kernels.forward(forward, 0, 0, 1, 1, 1, packed, scratch));
      refused(() -> kernels.forward(forward, 0, 0, 1, 0, 1, packed, small));
      refused(() -> kernels.backward(backward, 0, 0, 1, 0, 1, packed, small));
      refused(() -> kernels.backwardData(backward, 0, 0, 1, 0, 1, packed, small));
      refused(() -> kernels.backwardWeights(backward, 0, 0, 1, 0, 1, small));
      if (packed.length > 0) {
        float[] shorter = new float[packed.length - 1];
        refused(() -> kernels.packForward(forward, 0, shorter));
        refused(() -> kernels.packBackward(backward, 0, shorter));
        refused(() -> kernels.forward(forward, 0, 0, 1, 0, 1, shorter, scratch));
      }
      memory.verify(kernels.name());
    }
  }

  private static void refused(Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOfAny(IndexOutOfBoundsException.class, IllegalArgumentException.class);
  }
}
