package dev.nibble.engine.metrics;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.engine.train.TrainingResult;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.memory.MemoryAccount;

/** What {@link WithoutMicrometerTest} runs in a JVM of its own. */
final class WithoutMicrometerMain {
  private WithoutMicrometerMain() {}

  public static void main(String[] args) {
    NetworkBuilder b = Network.builder("small", new FeatureMap(32, 32, 3));
    NetworkBuilder.Node x = b.convolution("one", b.input(), 8, 3, 2);
    Network network = b.build(b.dense("fc", b.globalAveragePool(x), 10));
    TrainingOptions options = TrainingOptions.builder().batch(8).steps(1).threads(1).build();
    try (DataSplits data =
            new DataSplits(ShapesDataset.train(1, 8), ShapesDataset.test(1, 8), "shapes");
        MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        Trainer trainer =
            Trainer.open(network, data, options, KernelProvider.choose("scalar"), account)) {
      TrainingResult result = trainer.run(new TrainingListener() {});
      System.out.println("steps " + result.steps());
      PredictorOptions one = PredictorOptions.defaults().withThreads(1);
      try (Predictor predictor = trainer.predictor(one, account)) {
        predictor.addListener((pictures, nanoseconds) -> System.out.println("heard " + pictures));
        predictor.predict(new float[2 * 32 * 32 * 3], 2, new float[20]);
      }
    }
    try {
      new NibbleMetrics(MemoryAccount.root("none", 0));
    } catch (NoClassDefFoundError e) {
      System.out.println("missing " + e.getMessage());
    }
  }
}
