package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Operator.Convolution;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * A convolution's stage with all that both passes need, bound once as in a session. Values are
 * small whole numbers, whose sums fp32 holds exactly in any order: every table gives the same bits.
 */
final class WholeStage {
  private final Stage stage;
  private final int[] bounds;
  private final MemorySegment x;
  private final MemorySegment dy;
  private final MemorySegment weights;
  private final MemorySegment bias;
  private final List<MemorySegment> written;
  private final ForwardArgs forward;
  private final BackwardArgs backward;

  /**
   * Binds it.
   *
   * @param first whether it is a network's first stage, whose input's gradient nobody needs
   * @param bounds shard i takes pictures [bounds[i], bounds[i+1])
   */
  WholeStage(Arena arena, Convolution op, boolean first, int... bounds) {
    Activation relu = new Activation(false, true, StoreFormat.FP32, false);
    this.stage = new Stage(op, relu, null, true);
    this.bounds = bounds.clone();
    int batch = bounds[bounds.length - 1];
    int shards = bounds.length - 1;
    FeatureMap in = stage.input();
    FeatureMap out = stage.output();
    x = arena.allocate(batch * in.bytes(), 64);
    dy = arena.allocate(batch * out.bytes(), 64);
    weights = arena.allocate(4L * op.weights(), 64);
    bias = arena.allocate(4L * out.channels(), 64);
    MemorySegment store = arena.allocate(batch * relu.store().bytes(in), 64);
    MemorySegment y = arena.allocate(batch * out.bytes(), 64);
    MemorySegment dx = arena.allocate(batch * in.bytes(), 64);
    MemorySegment statistics =
        arena.allocate(shards * Partials.statisticsBytes(out.channels()), 64);
    MemorySegment gradients = arena.allocate(shards * Partials.weightBytes(stage), 64);
    MemorySegment sums = arena.allocate(shards * Partials.sumBytes(stage), 64);
    written = List.of(store, y, dx, statistics, gradients, sums);
    forward =
        new ForwardArgs(
            stage,
            batch,
            x,
            null,
            store,
            weights,
            op.bias() ? bias : null,
            null,
            null,
            y,
            statistics);
    backward =
        new BackwardArgs(
            stage,
            batch,
            List.of(GradientTerm.plain(dy, out)),
            null,
            null,
            null,
            store,
            weights,
            null,
            List.of(),
            first ? null : dx,
            gradients,
            sums);
  }

  Stage stage() {
    return stage;
  }

  ForwardArgs forward() {
    return forward;
  }

  BackwardArgs backward() {
    return backward;
  }

  int shards() {
    return bounds.length - 1;
  }

  int from(int shard) {
    return bounds[shard];
  }

  int to(int shard) {
    return bounds[shard + 1];
  }

  /** Draws everything that the passes read, and forgets what they wrote. */
  void draw(int seed) {
    draw(x, seed, 3, -1);
    // No negative factors: 0 and -0 are the same number, but not the same bits.
    List.of(dy, weights, bias).forEach(segment -> draw(segment, seed + 1, 2, 0));
    written.forEach(segment -> segment.fill((byte) 0));
  }

  /** So many numbers from the least on. */
  private static void draw(MemorySegment segment, int seed, int count, int least) {
    int state = seed;
    for (long i = 0; i < segment.byteSize() / 4; i++) {
      state = state * 1_103_515_245 + 12_345;
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (state >>> 16) % count + least);
    }
  }

  /** Everything that was written since {@link #draw}. */
  List<byte[]> written() {
    return written.stream().map(segment -> segment.toArray(ValueLayout.JAVA_BYTE)).toList();
  }

  /** Runs both passes with an open table, one shard after the other. */
  void run(Kernels kernels) {
    float[] packed = new float[kernels.packedFloats(stage)];
    float[] scratch = new float[kernels.scratchFloats(stage)];
    Runner.portions(
        kernels,
        stage,
        shards(),
        1,
        unit -> kernels.packForward(forward, unit, packed),
        i -> kernels.forward(forward, i, from(i), to(i), 0, 1, packed, scratch));
    Runner.portions(
        kernels,
        stage,
        shards(),
        1,
        unit -> kernels.packBackward(backward, unit, packed),
        i -> kernels.backward(backward, i, from(i), to(i), 0, 1, packed, scratch));
  }

  /** Fails if what was written is not, to the bit, what another table writes. */
  void assertWrittenAsBy(Kernels reference) {
    List<byte[]> actual = written();
    written.forEach(segment -> segment.fill((byte) 0));
    run(reference);
    compare(actual, written());
  }

  /** Fails if what was written is not that. */
  void assertWritten(List<byte[]> expected) {
    compare(written(), expected);
  }

  private void compare(List<byte[]> actual, List<byte[]> expected) {
    for (int i = 0; i < expected.size(); i++) {
      String[] names = {"store", "y", "dx", "statistics", "gradients", "sums"};
      assertThat(actual.get(i)).as("%s of %s", names[i], stage).isEqualTo(expected.get(i));
    }
  }
}
