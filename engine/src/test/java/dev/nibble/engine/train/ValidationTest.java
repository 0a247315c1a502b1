package dev.nibble.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.sources.InMemoryDataset;
import dev.nibble.engine.data.views.Datasets;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * Validation pictures: where they come from, and that the test pictures stay unseen beside them.
 */
class ValidationTest {
  private static final FeatureMap MAP = new FeatureMap(6, 6, 3);
  private static final Network NETWORK = ResNet.of("resnet8", MAP, 2);

  /** Dark pictures are of class 0, bright ones of class 1; or the other way round. */
  private static InMemoryDataset pictures(int count, long seed, boolean swapped) {
    SplittableRandom random = new SplittableRandom(seed);
    InMemoryDataset.Builder builder = InMemoryDataset.builder(MAP, List.of("dark", "bright"));
    for (int i = 0; i < count; i++) {
      int label = i % 2;
      byte[] picture = new byte[MAP.values()];
      for (int j = 0; j < picture.length; j++) {
        picture[j] = (byte) (label * 150 + random.nextInt(100));
      }
      builder.add(picture, swapped ? 1 - label : label);
    }
    return builder.build();
  }

  private static TrainingOptionsBuilder options() {
    return TrainingOptions.builder().store(StoreFormat.INT4).batch(8).epochs(3).threads(1);
  }

  private record Outcome(TrainingResult result, List<TrainingListener.Epoch> epochs) {}

  private static Outcome run(DataSplits data, TrainingOptions options) {
    List<TrainingListener.Epoch> epochs = new ArrayList<>();
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        Trainer trainer = Trainer.open(NETWORK, data, options, TestKernels.chosen(), account)) {
      TrainingResult result =
          trainer.run(
              new TrainingListener() {
                @Override
                public void onEpoch(Epoch epoch) {
                  epochs.add(epoch);
                }
              });
      return new Outcome(result, epochs);
    }
  }

  /** The test pictures' labels are wrong on purpose: whoever looks at them sees it. */
  @Test
  void epochsAreEvaluatedOnValidationAndTheKeptModelIsTestedOnce() {
    try (DataSplits data =
        new DataSplits(
            pictures(32, 1, false),
            pictures(16, 2, true),
            "two",
            List.of(),
            pictures(16, 3, false))) {
      Outcome outcome = run(data, options().earlyStopping(2, 0).build());
      assertThat(outcome.epochs()).allMatch(TrainingListener.Epoch::onValidation);
      TrainingResult result = outcome.result();
      assertThat(result.validationAccuracy()).isGreaterThan(0.9);
      assertThat(result.testAccuracy()).isLessThan(0.2);
      assertThat(result.bestEpoch()).isPositive();
      assertThat(result.validationAccuracy())
          .isEqualTo(outcome.epochs().get(result.bestEpoch() - 1).testAccuracy());
    }
  }

  @Test
  void withoutThemTheTestPicturesAreEvaluated() {
    try (DataSplits data = new DataSplits(pictures(32, 1, false), pictures(16, 2, true), "two")) {
      Outcome outcome = run(data, options().build());
      assertThat(outcome.epochs()).noneMatch(TrainingListener.Epoch::onValidation);
      assertThat(outcome.result().testAccuracy()).isLessThan(0.2);
      assertThat(outcome.result().validationAccuracy()).isNaN();
    }
  }

  @Test
  void aShareOfEachClassIsTakenAndTheSameEveryTime() {
    Dataset train = pictures(40, 4, false);
    try (DataSplits data = new DataSplits(train, pictures(4, 5, false), "two");
        DataSplits again =
            Datasets.withValidation(
                new DataSplits(pictures(40, 4, false), pictures(4, 5, false), "two"), 0.2, 0)) {
      DataSplits parts = Datasets.withValidation(data, 0.2, 0);
      Dataset validation = Objects.requireNonNull(parts.validation());
      assertThat(validation.size()).isEqualTo(8);
      assertThat(parts.train().size()).isEqualTo(32);
      int bright = 0;
      for (int i = 0; i < validation.size(); i++) {
        bright += validation.label(i);
      }
      assertThat(bright).isEqualTo(4);
      Set<List<Byte>> seen = new HashSet<>();
      for (int i = 0; i < 32; i++) {
        seen.add(bytes(parts.train(), i));
      }
      for (int i = 0; i < 8; i++) {
        assertThat(seen.add(bytes(validation, i))).isTrue();
        assertThat(bytes(Objects.requireNonNull(again.validation()), i))
            .isEqualTo(bytes(validation, i));
      }
      assertThatThrownBy(() -> Datasets.withValidation(parts, 0.1, 0))
          .isInstanceOf(DataException.class)
          .hasMessageContaining("already (8)");
      assertThatThrownBy(() -> Datasets.withValidation(data, 1.5, 0))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  private static List<Byte> bytes(Dataset data, int index) {
    byte[] picture = new byte[data.pictureBytes()];
    data.read(index, MemorySegment.ofArray(picture), 0);
    List<Byte> list = new ArrayList<>();
    for (byte value : picture) {
      list.add(value);
    }
    return list;
  }

  /** Whoever closes the parts closes the pictures that they were taken of. */
  @Test
  void closingThePartsClosesTheSource() {
    DataSplits parts =
        Datasets.withValidation(
            new DataSplits(pictures(10, 4, false), pictures(4, 5, false), "two"), 0.2, 0);
    Dataset validation = Objects.requireNonNull(parts.validation());
    parts.close();
    assertThatThrownBy(() -> bytes(validation, 0)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> bytes(parts.train(), 0)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> bytes(parts.test(), 0)).isInstanceOf(IllegalStateException.class);
  }
}
