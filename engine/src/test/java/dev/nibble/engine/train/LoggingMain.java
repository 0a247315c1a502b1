package dev.nibble.engine.train;

import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What {@link LoggingTest} runs in a JVM of its own: its argument is a folder. */
final class LoggingMain {
  private LoggingMain() {}

  public static void main(String[] args) throws IOException {
    NetworkBuilder b = Network.builder("small", new FeatureMap(32, 32, 3));
    NetworkBuilder.Node x = b.convolution("one", b.input(), 8, 3, 2);
    Network network = b.build(b.dense("fc", b.globalAveragePool(x), 10));
    // Large enough for huge pages.
    TrainingOptions options =
        TrainingOptions.builder().batch(64).steps(2).threads(1).checkpointEvery(1).build();
    CheckpointStore store = new CheckpointStore(Path.of(args[0]));
    try (DataSplits data =
            new DataSplits(ShapesDataset.train(1, 64), ShapesDataset.test(1, 8), "shapes");
        MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        Trainer trainer =
            Trainer.open(network, data, options, KernelProvider.choose("scalar"), account)) {
      trainer.checkpointTo(store);
      trainer.run(new TrainingListener() {});
    }
    Files.write(store.list().getFirst(), new byte[100]);
    try (LoadedCheckpoint checkpoint = store.loadLatest().orElseThrow()) {
      System.out.println("loaded " + checkpoint.meta().step());
    }
  }
}
