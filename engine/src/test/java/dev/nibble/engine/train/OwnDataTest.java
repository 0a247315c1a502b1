package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.loading.BatchSlot;
import dev.nibble.engine.data.loading.DataLoader;
import dev.nibble.engine.data.random.EpochOrder;
import dev.nibble.engine.data.sources.InMemoryDataset;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Training on a user's own data sets and loaders: to the bytes of the built-in ones. */
class OwnDataTest {
  private static final FeatureMap MAP = new FeatureMap(32, 32, 3);
  private static final int BATCH = 8;
  private static final long SEED = 3;

  private final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
  private final Dataset shapes = ShapesDataset.train(1, 20);
  private final Dataset test = ShapesDataset.test(1, 10);

  @AfterEach
  void everythingIsGivenBack() {
    shapes.close();
    test.close();
    assertThat(account.used()).isZero();
    account.close();
  }

  private static Network network() {
    NetworkBuilder b = Network.builder("small", MAP);
    NetworkBuilder.Node x = b.convolution("one", b.input(), 8, 3, 2);
    x = b.globalAveragePool(b.relu(b.batchNorm("bn", x)));
    return b.build(b.dense("fc", x, 10));
  }

  /** Two epochs of three steps, the last of each with what is left; returns the weights. */
  private byte[] train(Dataset train, DataLoader.@Nullable Factory loaders) {
    TrainingOptions options =
        TrainingOptions.builder().batch(BATCH).epochs(2).seed(SEED).threads(1).build();
    DataSplits data = new DataSplits(train, test, "own");
    try (Trainer trainer = Trainer.open(network(), data, options, TestKernels.chosen(), account)) {
      if (loaders != null) {
        trainer.loadFrom(loaders);
      }
      TrainingResult result = trainer.run(new TrainingListener() {});
      assertThat(result.steps()).isEqualTo(6);
      assertThat(result.testAccuracy()).isBetween(0.0, 1.0);
      return trainer.session().weights().toArray(JAVA_BYTE);
    }
  }

  /** A data set as a user writes one. */
  private record OwnDataset(Dataset from) implements Dataset {
    @Override
    public int size() {
      return from.size();
    }

    @Override
    public int height() {
      return 32;
    }

    @Override
    public int width() {
      return 32;
    }

    @Override
    public int channels() {
      return 3;
    }

    @Override
    public List<String> classNames() {
      return from.classNames();
    }

    @Override
    public int label(int index) {
      return index % 10;
    }

    @Override
    public void read(int index, MemorySegment target, long offset) {
      from.read(index, target, offset);
    }

    @Override
    public void close() {
      // Nothing is open.
    }
  }

  /** A loader as a user writes one: without a thread, on one slot. */
  private static final class OwnLoader implements DataLoader {
    private final Dataset from;
    private final BatchSlot slot;
    private final long end;
    private long next;

    private OwnLoader(Dataset from, BatchSlot slot, long start, long end) {
      this.from = from;
      this.slot = slot;
      this.next = start;
      this.end = end;
    }

    static OwnLoader open(Dataset from, List<BatchSlot> slots, long start, long end) {
      return new OwnLoader(from, slots.getFirst(), start, end);
    }

    @Override
    public @Nullable BatchSlot take() {
      long step = next++;
      if (step >= end) {
        return null;
      }
      long perEpoch = DataLoader.stepsPerEpoch(from.size(), BATCH, false);
      int epoch = (int) (step / perEpoch);
      int[] order = new int[from.size()];
      EpochOrder.permutation(SEED, epoch, order);
      int first = (int) (step % perEpoch) * BATCH;
      int count = Math.min(BATCH, from.size() - first);
      for (int i = 0; i < count; i++) {
        int index = order[first + i];
        from.read(index, slot.pictures(), (long) i * slot.pictureBytes());
        slot.labels().setAtIndex(JAVA_INT, i, from.label(index));
        EpochOrder.crop(SEED, epoch, index, slot.crops(), 12L * i);
      }
      slot.describe(count, epoch, step, step % perEpoch == 0, step % perEpoch == perEpoch - 1);
      return slot;
    }

    @Override
    public void release(BatchSlot released) {
      assertThat(released).isSameAs(slot);
    }

    @Override
    public void close() {
      next = end;
    }
  }

  @Test
  void allGiveTheSameBytes() {
    byte[] expected = train(shapes, null);
    assertThat(train(new OwnDataset(shapes), null)).isEqualTo(expected);
    for (boolean offHeap : new boolean[] {false, true}) {
      try (InMemoryDataset.Builder builder =
          offHeap
              ? InMemoryDataset.offHeapBuilder(MAP, shapes.classNames(), 20, account)
              : InMemoryDataset.builder(MAP, shapes.classNames())) {
        byte[] picture = new byte[MAP.values()];
        for (int i = 0; i < shapes.size(); i++) {
          shapes.read(i, MemorySegment.ofArray(picture), 0);
          builder.add(picture, shapes.label(i));
        }
        try (Dataset inMemory = builder.build()) {
          assertThat(train(inMemory, null)).as("off the heap: %s", offHeap).isEqualTo(expected);
        }
      }
    }
    assertThat(train(shapes, (slots, from, to) -> OwnLoader.open(shapes, slots, from, to)))
        .isEqualTo(expected);
  }

  @Test
  void whatALoaderGetsWrongIsSaidAndNothingLeaks() {
    assertRefused("label of picture 3 is 10", slot -> slot.labels().setAtIndex(JAVA_INT, 3, 10));
    assertThatThrownBy(
            () ->
                train(
                    shapes,
                    (slots, from, to) -> {
                      throw new DataException("The database is away.");
                    }))
        .isInstanceOf(DataException.class)
        .hasMessage("The database is away.");
    BatchSlot slot = trainSlot();
    assertThatThrownBy(() -> slot.describe(BATCH + 1, 0, 0, false, false))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> slot.describe(0, 0, 0, false, false))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> slot.describe(1, -1, 0, false, false))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /** Crops anywhere show the mean colour, however far they lie outside; nothing crashes. */
  @Test
  void wildCropsAreHarmless() {
    for (int wild : new int[] {Integer.MIN_VALUE, -100, 40, 1_000_000, Integer.MAX_VALUE}) {
      byte[] weights =
          train(
              shapes,
              (slots, from, to) ->
                  new Spoiled(
                      OwnLoader.open(shapes, slots, from, to),
                      slot -> {
                        slot.crops().setAtIndex(JAVA_INT, 0, wild);
                        slot.crops().setAtIndex(JAVA_INT, 4, wild);
                        slot.crops().setAtIndex(JAVA_INT, 8, wild);
                      }));
      assertThat(weights).isNotEmpty();
    }
  }

  private static BatchSlot trainSlot() {
    return BatchSlot.allocate(Arena.ofAuto(), BATCH, 32, 32, 3);
  }

  private void assertRefused(String part, Consumer<BatchSlot> spoil) {
    assertThatThrownBy(
            () ->
                train(
                    shapes,
                    (slots, from, to) ->
                        new Spoiled(OwnLoader.open(shapes, slots, from, to), spoil)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(part);
  }

  /** Changes batches on their way. */
  private record Spoiled(DataLoader from, Consumer<BatchSlot> spoil) implements DataLoader {
    @Override
    public @Nullable BatchSlot take() {
      BatchSlot slot = from.take();
      if (slot != null) {
        spoil.accept(slot);
      }
      return slot;
    }

    @Override
    public void release(BatchSlot slot) {
      from.release(slot);
    }

    @Override
    public void close() {
      from.close();
    }
  }
}
