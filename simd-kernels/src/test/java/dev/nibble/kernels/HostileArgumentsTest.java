package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.MaxPooling;
import dev.nibble.kernels.Operator.Resample;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Arguments that reach beyond their memory meet an exception, never a neighbour's bytes or a crash.
 */
@Tag("gpu")
class HostileArgumentsTest {
  private static final int BATCH = 3;
  private static final int NO_SUMS = -1;
  private static final FeatureMap MAP = new FeatureMap(5, 6, 9);
  private static final FeatureMap OUT = new FeatureMap(5, 6, 17);
  private static final Stage STAGE =
      new Stage(
          new Convolution(MAP, 17, 3, 1, true),
          new Activation(true, true, StoreFormat.INT4, true),
          new Stage.Residual(
              new Activation(true, true, StoreFormat.NONE, false), new Resample(MAP, 1, 17)),
          true);

  /** Bytes of every buffer of the forward pass, in the order of {@link #forward}. */
  private static final long[] FORWARD = {
    BATCH * MAP.bytes(),
    ChannelTable.bytes(9),
    BATCH * StoreFormat.INT4.bytes(MAP),
    4L * STAGE.operator().weights(),
    4 * 17,
    BATCH * MAP.bytes(),
    ChannelTable.bytes(9),
    BATCH * OUT.bytes(),
    2 * Partials.statisticsBytes(17)
  };

  /** Bytes of every buffer of the backward pass, in the order of {@link #backward}. */
  private static final long[] BACKWARD = {
    BATCH * OUT.bytes(),
    BATCH * OUT.bytes(),
    BATCH * OUT.bytes(),
    ChannelTable.bytes(17),
    BATCH * StoreFormat.INT8.bytes(OUT),
    ChannelTable.bytes(9),
    BATCH * StoreFormat.INT4.bytes(MAP),
    4L * STAGE.operator().weights(),
    BATCH * MAP.bytes(),
    BATCH * MAP.bytes(),
    2 * Partials.weightBytes(STAGE),
    2 * Partials.sumBytes(STAGE)
  };

  private static ForwardArgs forward(MemorySegment... s) {
    return new ForwardArgs(
        STAGE,
        BATCH,
        s[0],
        s[1],
        s[2],
        s[3],
        s[4],
        new ForwardArgs.ResidualArgs(s[5], s[6]),
        null,
        s[7],
        s[8]);
  }

  private static BackwardArgs backward(MemorySegment... s) {
    return new BackwardArgs(
        STAGE,
        BATCH,
        List.of(
            GradientTerm.plain(s[0], OUT),
            new GradientTerm.Normalized(OUT, s[2], s[3], StoreFormat.INT8, s[4])),
        s[1],
        null,
        s[5],
        s[6],
        s[7],
        null,
        List.of(GradientTerm.plain(s[8], MAP)),
        s[9],
        s[10],
        s[11]);
  }

  private static AdamWArgs adamW(
      int size, MemorySegment w, MemorySegment g, MemorySegment mean, MemorySegment square) {
    return new AdamWArgs(size, w, g, mean, square, 0.9, 0.999, 1e-8);
  }

  private static MemorySegment[] buffers(Arena arena, long[] bytes) {
    MemorySegment[] segments = new MemorySegment[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      segments[i] = arena.allocate(bytes[i], 64);
    }
    return segments;
  }

  static Stream<Kernels> kernels() {
    return Providers.underTest().stream();
  }

  @Test
  void buffersThatAreTooSmallOrOnTheHeapOrMisalignedAreRefused() {
    try (Arena arena = Arena.ofConfined()) {
      refuseEach(arena, FORWARD, FORWARD.length - 1, HostileArgumentsTest::forward);
      refuseEach(arena, BACKWARD, BACKWARD.length - 2, HostileArgumentsTest::backward);
      long[] loss = {4L * BATCH * 7, 4 * BATCH, 4L * BATCH * 7, 16};
      refuseEach(arena, loss, NO_SUMS, s -> new LossArgs(BATCH, 7, s[0], s[1], s[2], s[3], 0));
      long[] sgd = {40, 40, 40};
      refuseEach(arena, sgd, NO_SUMS, s -> new SgdArgs(10, s[0], s[1], s[2]));
      long[] adam = {40, 40, 40, 40};
      refuseEach(arena, adam, NO_SUMS, s -> adamW(10, s[0], s[1], s[2], s[3]));
      long[] blend = {40, 40};
      refuseEach(arena, blend, NO_SUMS, s -> new BlendArgs(10, s[0], s[1]));
      for (double smoothing : new double[] {-0.1, 1, Double.NaN}) {
        MemorySegment[] s = buffers(arena, loss);
        refused(() -> new LossArgs(BATCH, 7, s[0], s[1], s[2], s[3], smoothing));
      }
      long[] input = {(long) BATCH * MAP.values(), 12 * BATCH, 36, 36, BATCH * MAP.bytes()};
      refuseEach(
          arena,
          input,
          NO_SUMS,
          s -> new InputArgs(MAP, BATCH, s[0], s[1], 2, s[2], s[3], false, s[4]));
    }
  }

  @Test
  void aShortcutThatStoresIsRefused() {
    Activation stores = new Activation(true, true, StoreFormat.INT4, false);
    assertThatThrownBy(() -> new Stage.Residual(stores, Resample.identity(MAP)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("stores nothing");
  }

  private static void refuseEach(
      Arena arena, long[] bytes, int sums, Consumer<MemorySegment[]> bind) {
    List<LongFunction<MemorySegment>> bad =
        List.of(
            size -> arena.allocate(size - 1, 64),
            size -> arena.allocate(size + 64, 64).asSlice(1, size),
            size -> MemorySegment.ofArray(new double[Math.toIntExact(size / 8 + 1)]),
            size -> MemorySegment.NULL);
    bind.accept(buffers(arena, bytes));
    for (int i = 0; i < bytes.length; i++) {
      for (int kind = 0; kind < bad.size(); kind++) {
        MemorySegment[] segments = buffers(arena, bytes);
        segments[i] = bad.get(kind).apply(bytes[i]);
        // Binding asks for one leaf's sums; that a second one fits is checked when it runs.
        if (kind == 0 && i >= sums) {
          continue;
        }
        assertThatThrownBy(() -> bind.accept(segments))
            .as("buffer %d of %d, kind %d", i, bytes.length, kind)
            .isInstanceOf(IllegalArgumentException.class);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void rangesAndArraysOutsideAreRefused(Kernels provider) {
    try (OpenKernelsOfStage open = new OpenKernelsOfStage(provider, STAGE, BATCH, 2, 2);
        Guarded memory = new Guarded(0, true)) {
      Kernels kernels = open.kernels();
      ForwardArgs forward = forward(guarded(memory, FORWARD));
      BackwardArgs backward = backward(guarded(memory, BACKWARD));
      float[] packed = new float[kernels.packedFloats(STAGE)];
      float[] scratch = new float[kernels.scratchFloats(STAGE)];
      for (int unit = 0; unit < kernels.packUnits(STAGE); unit++) {
        kernels.packForward(forward, unit, packed);
        kernels.packBackward(backward, unit, packed);
      }
      float[] shortScratch = new float[1];
      int[][] ranges = {{-1, 1}, {0, BATCH + 1}, {2, 1}, {BATCH, BATCH + 1}, {0, 1 << 30}};
      for (int[] range : ranges) {
        int from = range[0];
        int to = range[1];
        refused(() -> kernels.forward(forward, 0, from, to, 0, 1, packed, scratch));
        refused(() -> kernels.backward(backward, 0, from, to, 0, 1, packed, scratch));
        refused(() -> kernels.sumGradient(backward, from, to, 0, 1, scratch));
        refused(() -> kernels.backwardData(backward, 0, from, to, 0, 1, packed, scratch));
        refused(() -> kernels.backwardWeights(backward, 0, from, to, 0, 1, scratch));
      }
      for (int region : new int[] {-1, 2, 1 << 30, Integer.MIN_VALUE}) {
        refused(() -> kernels.forward(forward, region, 0, 1, 0, 1, packed, scratch));
        refused(() -> kernels.backward(backward, region, 0, 1, 0, 1, packed, scratch));
        refused(() -> kernels.backwardData(backward, region, 0, 1, 0, 1, packed, scratch));
        refused(() -> kernels.backwardWeights(backward, region, 0, 1, 0, 1, scratch));
      }
      for (int[] part : new int[][] {{-1, 1}, {1, 1}, {0, 0}, {0, -1}, {2, 2}}) {
        int i = part[0];
        int n = part[1];
        refused(() -> kernels.forward(forward, 0, 0, 1, i, n, packed, scratch));
        refused(() -> kernels.backward(backward, 0, 0, 1, i, n, packed, scratch));
        refused(() -> kernels.sumGradient(backward, 0, 1, i, n, scratch));
        refused(() -> kernels.backwardData(backward, 0, 0, 1, i, n, packed, scratch));
        refused(() -> kernels.backwardWeights(backward, 0, 0, 1, i, n, scratch));
      }
      if (packed.length > 0) {
        float[] shortPacked = new float[packed.length - 1];
        refused(() -> kernels.packForward(forward, 0, new float[0]));
        refused(() -> kernels.packBackward(backward, 0, new float[0]));
        refused(() -> kernels.packForward(forward, -1, packed));
        refused(() -> kernels.packBackward(backward, 1 << 20, packed));
        refused(() -> kernels.forward(forward, 0, 0, 1, 0, 1, shortPacked, scratch));
        refused(() -> kernels.backward(backward, 0, 0, 1, 0, 1, shortPacked, scratch));
      }
      refused(() -> kernels.forward(forward, 0, 0, 1, 0, 1, packed, shortScratch));
      refused(() -> kernels.backward(backward, 0, 0, 1, 0, 1, packed, shortScratch));
      refused(() -> kernels.sumGradient(backward, 0, 1, 0, 1, shortScratch));
      refused(() -> kernels.backwardData(backward, 0, 0, 1, 0, 1, packed, shortScratch));
      refused(() -> kernels.backwardWeights(backward, 0, 0, 1, 0, 1, shortScratch));
      MemorySegment target = memory.allocate(4L * STAGE.operator().weights());
      int beyond = STAGE.operator().weights() + 18;
      refused(() -> kernels.finishWeights(backward, Cut.whole(), 0, beyond, target));
      Cut many = new Cut(1 << 10, 1 << 10);
      refused(() -> kernels.finishWeights(backward, many, 0, 1, target));
      refused(() -> kernels.finishChannels(backward, many, 1, 0, 1, target, target));
      refused(() -> kernels.finishChannels(backward, Cut.whole(), 1, 0, 10, target, target));
      memory.verify(kernels.name());
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void smallTablesAreRefused(Kernels kernels) {
    try (Guarded memory = new Guarded(0, false)) {
      SgdArgs sgd = new SgdArgs(10, memory.allocate(40), memory.allocate(40), memory.allocate(40));
      AdamWArgs adam =
          adamW(10, sgd.weights(), sgd.gradients(), sgd.momentum(), memory.allocate(40));
      BlendArgs blend = new BlendArgs(10, sgd.weights(), sgd.gradients());
      for (int[] range : new int[][] {{-1, 5}, {0, 11}, {7, 6}, {1 << 30, 1 << 30}}) {
        int from = range[0];
        int to = range[1];
        refused(() -> kernels.sgd(sgd, from, to, 1, 1, 1));
        refused(() -> kernels.nesterov(sgd, from, to, 1, 1, 1));
        refused(() -> kernels.adamW(adam, from, to, 1, 1, 1, 1));
        refused(() -> kernels.blend(blend, from, to, 1, 1));
        refused(() -> kernels.sumOfSquares(sgd.weights(), from, to));
      }
      LossArgs loss =
          new LossArgs(
              2,
              5,
              memory.allocate(40),
              memory.allocate(new byte[8]),
              null,
              memory.allocateAligned(16),
              0);
      refused(() -> kernels.loss(loss, 3));
      refused(() -> kernels.loss(loss, -1));
      InputArgs input =
          new InputArgs(
              MAP,
              1,
              memory.allocate(MAP.values()),
              memory.allocate(12),
              2,
              memory.allocate(36),
              memory.allocate(36),
              true,
              memory.allocate(MAP.bytes()));
      refused(() -> kernels.input(input, 0, 2));
      refused(() -> kernels.input(input, -1, 1));
      // Crops that hold garbage reach nothing outside the picture.
      kernels.input(input, 0, 1);
      MemorySegment moments = memory.allocate(8);
      MemorySegment sums = memory.allocateAligned(Partials.statisticsBytes(2));
      refused(() -> kernels.finishStatistics(sums, Cut.whole(), 2, 0, 2, moments));
      refused(
          () ->
              kernels.fillTable(
                  STAGE.activation(), 9, 0, 9, moments, moments, moments, 1e-3f, moments));
      memory.verify(kernels.name());
    }
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void memoryThatIsGoneOrOfAnotherThreadIsRefused(Kernels provider) throws InterruptedException {
    try (OpenKernelsOfStage open = new OpenKernelsOfStage(provider, STAGE, BATCH, 2, 2)) {
      refuseGone(open.kernels());
    }
    Providers.verify();
  }

  private static void refuseGone(Kernels kernels) throws InterruptedException {
    float[] packed = new float[kernels.packedFloats(STAGE)];
    float[] scratch = new float[kernels.scratchFloats(STAGE)];
    ForwardArgs forward;
    BackwardArgs backward;
    SgdArgs sgd;
    AdamWArgs adam;
    BlendArgs blend;
    LossArgs loss;
    try (Arena arena = Arena.ofConfined()) {
      forward = forward(buffers(arena, FORWARD));
      backward = backward(buffers(arena, BACKWARD));
      MemorySegment floats = arena.allocate(64, 64);
      sgd = new SgdArgs(16, floats, floats, floats);
      adam = adamW(16, floats, floats, floats, floats);
      blend = new BlendArgs(16, floats, floats);
      loss = new LossArgs(4, 4, floats, floats, null, floats, 0);
      kernels.packForward(forward, 0, packed);
      AtomicReference<Throwable> thrown = new AtomicReference<>();
      Thread other =
          new Thread(
              () -> {
                try {
                  kernels.forward(forward, 0, 0, 1, 0, 1, packed, scratch);
                } catch (WrongThreadException e) {
                  thrown.set(e);
                }
              });
      other.start();
      other.join();
      assertThat(thrown.get()).isInstanceOf(WrongThreadException.class);
    }
    gone(() -> kernels.packForward(forward, 0, packed));
    gone(() -> kernels.packBackward(backward, 0, packed));
    gone(() -> kernels.forward(forward, 0, 0, BATCH, 0, 1, packed, scratch));
    gone(() -> kernels.backward(backward, 0, 0, BATCH, 0, 1, packed, scratch));
    gone(() -> kernels.sumGradient(backward, 0, BATCH, 0, 1, scratch));
    gone(() -> kernels.backwardData(backward, 0, 0, BATCH, 0, 1, packed, scratch));
    gone(() -> kernels.backwardWeights(backward, 0, 0, BATCH, 0, 1, scratch));
    gone(() -> kernels.sgd(sgd, 0, 16, 1, 1, 1));
    gone(() -> kernels.nesterov(sgd, 0, 16, 1, 1, 1));
    gone(() -> kernels.adamW(adam, 0, 16, 1, 1, 1, 1));
    gone(() -> kernels.blend(blend, 0, 16, 1, 1));
    gone(() -> kernels.sumOfSquares(sgd.weights(), 0, 16));
    gone(() -> kernels.loss(loss, 4));
  }

  @ParameterizedTest
  @MethodSource("kernels")
  void placesOutsideTheWindowHarmNothing(Kernels kernels) {
    Stage stage = new Stage(new MaxPooling(MAP, 3, 2), Activation.IDENTITY, null, false);
    FeatureMap out = stage.output();
    try (Guarded memory = new Guarded(0, true)) {
      byte[] places = new byte[BATCH * out.values()];
      Arrays.fill(places, (byte) 255);
      BackwardArgs args =
          new BackwardArgs(
              stage,
              BATCH,
              List.of(GradientTerm.plain(memory.allocate(BATCH * out.bytes()), out)),
              null,
              null,
              null,
              null,
              null,
              memory.allocate(places),
              List.of(),
              memory.allocate(BATCH * MAP.bytes()),
              null,
              memory.allocateAligned(Partials.sumBytes(stage)));
      try {
        Runner.backward(kernels, args, 0, BATCH);
      } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
        assertThat(e).isNotNull();
      }
      memory.verify(kernels.name());
    }
  }

  private static MemorySegment[] guarded(Guarded memory, long[] bytes) {
    MemorySegment[] segments = new MemorySegment[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      // The sums' segments end where their last region does, so that another shard lies outside.
      boolean sums = i == bytes.length - 1;
      segments[i] =
          sums ? memory.allocateAligned(bytes[i]).asSlice(0, bytes[i]) : memory.allocate(bytes[i]);
    }
    return segments;
  }

  private static void refused(Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOfAny(IndexOutOfBoundsException.class, IllegalArgumentException.class);
  }

  private static void gone(Runnable call) {
    assertThatThrownBy(call::run).isInstanceOf(IllegalStateException.class);
  }
}
