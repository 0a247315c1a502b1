package dev.nibble.spark;

import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.Datasets;
import dev.nibble.engine.data.PictureFiles;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.SpooledDataset;
import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/** The training of {@link TestPictures#classifier} as a program without Spark writes it. */
final class SingleMachine {
  private SingleMachine() {}

  static byte[] train(List<Row> rows, int epochs, Path folder) throws IOException {
    TreeMap<String, Row> ordered = new TreeMap<>();
    for (Row row : rows) {
      Row picture = RowFactory.create(row.get(1), (int) row.getDouble(2), row.get(0));
      ordered.put(ByWorker.copies(picture, 1).next()._1(), picture);
    }
    FeatureMap map = new FeatureMap(TestPictures.SIZE, TestPictures.SIZE, 3);
    PictureSize size = new PictureSize(TestPictures.SIZE, TestPictures.SIZE);
    try (Arena arena = Arena.ofConfined();
        SpooledDataset.Builder builder = SpooledDataset.builder(map, List.of("0", "1"))) {
      MemorySegment pixels = arena.allocate(map.values());
      for (Row row : ordered.values()) {
        PictureFiles.read(row.getAs(0), "a picture", size, 3, pixels, 0);
        builder.add(pixels, row.getInt(1));
      }
      try (Dataset train = builder.build(0)) {
        return train(train, map, epochs, folder.resolve("single.safetensors"));
      }
    }
  }

  private static byte[] train(Dataset train, FeatureMap map, int epochs, Path file)
      throws IOException {
    Dataset test = Datasets.subset(train, IntStream.range(0, 32).toArray());
    TrainingOptions options =
        TrainingOptions.builder()
            .batch(16)
            .epochs(epochs)
            .schedule(Schedule.COSINE, 0.05f)
            .seed(0)
            .threads(2)
            .workers(new Workers(0, 1, 4, false))
            .build();
    try (MemoryAccount account = MemoryAccount.root("single", MemoryAccount.UNLIMITED);
        Trainer trainer =
            Trainer.open(
                NamedNetworks.of("resnet8", map, 2),
                new DataSplits(train, test, "the same pictures"),
                options,
                ExecutorKernels.choose(),
                account)) {
      trainer.run(new TrainingListener() {});
      trainer.saveModel(file);
      return Files.readAllBytes(file);
    }
  }
}
