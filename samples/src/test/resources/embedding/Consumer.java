import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.infer.Classes;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.memory.MemoryAccount;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a service that embeds Nibble does, with nothing but the library's jars beside it. */
final class Consumer {
  private Consumer() {}

  public static void main(String[] arguments) throws Exception {
    switch (arguments[0]) {
      case "predict" -> predict(Path.of(arguments[1]));
      case "cycles" -> cycles(Integer.parseInt(arguments[1]));
      default -> throw new IllegalArgumentException(arguments[0]);
    }
  }

  /**
   * Prints what all threads of this process, compilers included, computed up to the first logits.
   */
  private static void predict(Path model) {
    Kernels kernels = KernelProvider.choose("auto");
    try (MemoryAccount memory = MemoryAccount.root("consumer", MemoryAccount.UNLIMITED);
        Predictor predictor =
            Predictor.open(model, PredictorOptions.defaults().withThreads(1), kernels, memory)) {
      byte[] picture = new byte[predictor.input().values()];
      for (int i = 0; i < picture.length; i++) {
        picture[i] = (byte) (i * 31);
      }
      float[] logits = new float[predictor.classes()];
      predictor.predictBytes(picture, 1, logits);
      long cpu = ProcessHandle.current().info().totalCpuDuration().orElseThrow().toMillis();
      System.out.println("cpu-milliseconds " + cpu);
      System.out.println("kernels " + kernels.name());
      System.out.println("class " + Classes.largest(logits, 0, predictor.classes()));
    }
  }

  /** Opens, trains and closes, again and again; prints the resident memory as it goes. */
  private static void cycles(int count) throws Exception {
    Kernels kernels = KernelProvider.choose("auto");
    Network network = ResNet.of("resnet8", new FeatureMap(32, 32, 3), 10);
    TrainingOptions options = TrainingOptions.builder().batch(32).steps(2).threads(2).build();
    try (MemoryAccount memory = MemoryAccount.root("consumer", MemoryAccount.UNLIMITED);
        DataSplits data =
            new DataSplits(ShapesDataset.train(1, 70), ShapesDataset.test(1, 40), "shapes")) {
      for (int cycle = 1; cycle <= count; cycle++) {
        try (Trainer trainer = Trainer.open(network, data, options, kernels, memory)) {
          trainer.run(new TrainingListener() {});
        }
        if (memory.used() != 0) {
          throw new IllegalStateException(memory.describe());
        }
        System.out.println("resident " + cycle + " " + resident());
      }
    }
  }

  private static long resident() throws Exception {
    String line =
        Files.readAllLines(Path.of("/proc/self/status")).stream()
            .filter(l -> l.startsWith("VmRSS:"))
            .findFirst()
            .orElseThrow();
    return Long.parseLong(line.replaceAll("[^0-9]", ""));
  }
}
