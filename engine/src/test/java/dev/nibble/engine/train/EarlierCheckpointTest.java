package dev.nibble.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nibble.engine.checkpoint.CheckpointException;
import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Checkpoints that an earlier version wrote, of networks that had other layers by the same name.
 */
class EarlierCheckpointTest {
  @TempDir private Path folder;

  private static Network network(String name, int channels, int classes) {
    NetworkBuilder b = Network.builder(name, new FeatureMap(32, 32, 3));
    NetworkBuilder.Node x = b.convolution("stem", b.input(), channels, 3, 2);
    return b.build(b.dense("fc", b.globalAveragePool(b.relu(b.batchNorm("bn", x))), classes));
  }

  private String refusal(String name, TrainingOptions options) {
    CheckpointStore store = new CheckpointStore(folder.resolve("checkpoints"));
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        DataSplits data =
            new DataSplits(ShapesDataset.train(1, 20), ShapesDataset.test(1, 10), "shapes")) {
      int classes = data.train().classNames().size();
      try (Trainer before =
          Trainer.open(network(name, 4, classes), data, options, TestKernels.chosen(), account)) {
        before.checkpointTo(store);
        before.checkpoint();
      }
      try (Trainer today =
              Trainer.open(
                  network(name, 8, classes), data, options, TestKernels.chosen(), account);
          LoadedCheckpoint checkpoint = store.loadLatest().orElseThrow()) {
        return String.valueOf(
            assertThrows(CheckpointException.class, () -> today.resume(checkpoint)).getMessage());
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"resnet50, called cifar-resnet50 so", "own, an earlier version wrote it"})
  void theyAreRefusedWithAWayOut(String name, String reason) {
    assertThat(refusal(name, options().build()))
        .contains("is of another network: section 'weights' is", reason, "from its model.");
  }

  @Test
  void soAreThoseOfFrozenLayers() {
    assertThat(refusal("own", options().freeze(List.of("stem", "bn")).build()))
        .contains("kept more of frozen layers; start another run from its model.");
  }

  private static TrainingOptionsBuilder options() {
    return TrainingOptions.builder().batch(10).steps(1).threads(1);
  }
}
