package dev.nibble.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.exec.StagedKernels;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.Workload;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.MemoryLimitException;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Store format and batch, chosen for a memory limit that is never exceeded. */
class MemoryBudgetTest {
  private static final int MANY = 50_000;

  private final Kernels kernels = TestKernels.chosen();
  private final Network network = ResNet.of("resnet20", new FeatureMap(32, 32, 3), 10);

  private MemoryBudget.Choice choose(TrainingOptions options, int pictures, long limit) {
    return MemoryBudget.choose(network, options, pictures, kernels, limit);
  }

  private long bytes(StoreFormat store, int batch) {
    return bytes(store, batch, 1);
  }

  private long bytes(StoreFormat store, int batch, int accumulate) {
    TrainingOptions options =
        TrainingOptions.builder().store(store).batch(batch).accumulate(accumulate).build();
    return TrainingPlan.of(network, options, kernels).totalBytes();
  }

  private static void assertChosen(MemoryBudget.Choice choice, StoreFormat store, int batch) {
    assertThat(choice.plan().options().store()).isEqualTo(store);
    assertThat(choice.plan().options().batch()).isEqualTo(batch);
  }

  @Test
  void theRecipeComesFirst() {
    TrainingOptions open = TrainingOptions.builder().build();
    MemoryBudget.Choice choice = choose(open, MANY, MemoryAccount.UNLIMITED);
    assertChosen(choice, StoreFormat.INT4, 128);
    assertThat(choice.reason()).startsWith("int4 activations and a batch of 128: ");
    assertChosen(choose(open, MANY, bytes(StoreFormat.INT4, 128)), StoreFormat.INT4, 128);
  }

  @Test
  void kernelsAreSelectedOnlyForWhatMayFit() {
    StagedKernels staged = new StagedKernels();
    TrainingOptions open = TrainingOptions.builder().build();
    long limit = bytes(StoreFormat.INT4, 32) + (2L << 20);
    MemoryBudget.Choice choice = MemoryBudget.choose(network, open, MANY, staged.kernels(), limit);
    assertChosen(choice, StoreFormat.INT4, 32);
    assertThat(staged.workloads()).extracting(Workload::batch).containsOnly(32);
  }

  @Test
  void aByteLessHalvesTheBatchAndSaysSo() {
    TrainingOptions open = TrainingOptions.builder().build();
    MemoryBudget.Choice choice = choose(open, MANY, bytes(StoreFormat.INT4, 128) - 1);
    assertChosen(choice, StoreFormat.INT4, 64);
    assertThat(choice.plan().options().update().accumulate()).isEqualTo(2);
    assertThat(choice.reason())
        .startsWith("int4 activations and a batch of 64, 2 of them a step: ")
        .endsWith("allowed; int4 activations and a batch of 128 would not fit");
  }

  @Test
  void fewerBitsComeOnlyWhenTheBatchIsSmall() {
    TrainingOptions open = TrainingOptions.builder().recompute(Recompute.NEVER).build();
    long least = bytes(StoreFormat.INT4, 16, 8);
    assertChosen(choose(open, MANY, least), StoreFormat.INT4, 16);
    MemoryBudget.Choice choice = choose(open, MANY, least - 1);
    assertThat(choice.plan().options().batch()).isEqualTo(16);
    assertThat(choice.plan().averageBits()).isBetween(3.0, 4.0);
    assertThat(choice.plan().totalBytes()).isLessThan(least);
    assertThat(choice.reason())
        .startsWith("mixed (")
        .endsWith("int4 activations and a batch of 16, 8 of them a step would not fit");
    // What fits in two bits does, with a few bytes for more of them where they help most.
    MemoryBudget.Choice two = choose(open, MANY, bytes(StoreFormat.INT2, 16, 8));
    assertThat(two.plan().options().batch()).isEqualTo(16);
    assertThat(two.plan().averageBits()).isBetween(1.9, 3.0);
  }

  @Test
  void mixedFormatsFillTheMemory() {
    TrainingOptions mixed =
        TrainingOptions.builder()
            .mixed(MixedFormats.byMemory())
            .batch(64)
            .recompute(Recompute.NEVER)
            .build();
    long limit = (bytes(StoreFormat.INT4, 64) + bytes(StoreFormat.INT2, 64)) / 2;
    MemoryBudget.Choice choice = choose(mixed, MANY, limit);
    assertThat(choice.plan().totalBytes()).isBetween(limit * 98 / 100, limit);
    assertThat(choice.plan().averageBits()).isBetween(2.0, 4.0);
    assertThat(choice.plan().options().mixed()).isNotNull();
    // More memory, more bits.
    assertThat(choose(mixed, MANY, limit + (1L << 20)).plan().averageBits())
        .isGreaterThan(choice.plan().averageBits());
    assertThatThrownBy(() -> choose(mixed, MANY, MemoryAccount.UNLIMITED))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("need a budget");
  }

  @Test
  void noBatchIsLargerThanTheData() {
    TrainingOptions open = TrainingOptions.builder().build();
    assertChosen(choose(open, 50, MemoryAccount.UNLIMITED), StoreFormat.INT4, 50);
    assertChosen(choose(open, 1, MemoryAccount.UNLIMITED), StoreFormat.INT4, 1);
  }

  @Test
  void whatTheUserGaveIsKept() {
    TrainingOptions given = TrainingOptions.builder().batch(24).store(StoreFormat.FP32).build();
    assertChosen(choose(given, MANY, MemoryAccount.UNLIMITED), StoreFormat.FP32, 24);
    TrainingOptions never =
        TrainingOptions.builder()
            .batch(24)
            .store(StoreFormat.FP32)
            .recompute(Recompute.NEVER)
            .build();
    assertThatThrownBy(() -> choose(never, MANY, bytes(StoreFormat.FP32, 24) - 1))
        .isInstanceOf(MemoryLimitException.class)
        .hasMessageContaining("needs at least")
        .hasMessageContaining("fp32 activations and a batch of 24");
    TrainingOptions format = TrainingOptions.builder().store(StoreFormat.FP32).build();
    assertChosen(choose(format, MANY, bytes(StoreFormat.FP32, 32, 4)), StoreFormat.FP32, 32);
    TrainingOptions batch = TrainingOptions.builder().batch(100).build();
    MemoryBudget.Choice fewer = choose(batch, MANY, bytes(StoreFormat.INT4, 100) - 1);
    assertThat(fewer.plan().options().batch()).isEqualTo(100);
    assertThat(fewer.plan().averageBits()).isBetween(3.0, 4.0);
  }

  @Test
  void aTrainerNeverExceedsItsLimit() {
    SplittableRandom random = new SplittableRandom(4);
    long least = bytes(StoreFormat.INT2, 2, 10);
    long most = bytes(StoreFormat.INT4, 64);
    try (DataSplits data =
        new DataSplits(ShapesDataset.train(1, 20), ShapesDataset.test(1, 10), "shapes")) {
      for (int i = 0; i < 8; i++) {
        long limit = random.nextLong(least, most);
        try (MemoryAccount account = MemoryAccount.root("test", limit);
            Trainer trainer =
                Trainer.open(
                    network, data, TrainingOptions.builder().steps(1).build(), kernels, account)) {
          trainer.run(new TrainingListener() {});
          assertThat(account.peak()).isLessThanOrEqualTo(limit);
          assertThat(account.used()).isEqualTo(trainer.choice().plan().totalBytes());
        }
      }
      assertThatThrownBy(() -> choose(TrainingOptions.builder().build(), data.train().size(), 1))
          .isInstanceOfSatisfying(
              MemoryLimitException.class, e -> assertThat(e.requested()).isLessThanOrEqualTo(least))
          .hasMessageContaining("give more memory or take a smaller network");
    }
  }
}
