package dev.nibble.spark;

import dev.nibble.engine.collective.Workers;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.sources.PictureFiles;
import dev.nibble.engine.data.sources.SpooledDataset;
import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/** What a classifier does, as a program without Spark does it. */
final class SingleMachine {
  private SingleMachine() {}

  /**
   * What came of it.
   *
   * @param model the file's bytes
   * @param accuracy on the test pictures
   */
  @SuppressWarnings("ArrayRecordComponent") // made once, never compared
  record Trained(byte[] model, double accuracy) {}

  /** Trains on rows of name, file and label. */
  static Trained train(List<Row> rows, List<Row> test, NibbleClassifier classifier, Path folder)
      throws IOException {
    try (Dataset pictures = dataset(rows);
        Dataset watched = dataset(test)) {
      return train(
          new DataSplits(pictures, watched, "the same pictures"),
          classifier,
          folder.resolve("single.safetensors"));
    }
  }

  /** In the order of the pictures' hashes, as a fit takes them. */
  private static Dataset dataset(List<Row> rows) throws IOException {
    TreeMap<String, Row> ordered = new TreeMap<>();
    int classes = 0;
    for (Row row : rows) {
      Row picture = RowFactory.create(row.get(1), (int) row.getDouble(2), row.get(0));
      ordered.put(ByWorker.copies(picture, 1).next()._1(), picture);
      classes = Math.max(classes, picture.getInt(1) + 1);
    }
    BufferedImage first = ImageIO.read(new ByteArrayInputStream(rows.getFirst().getAs(1)));
    FeatureMap map = new FeatureMap(first.getHeight(), first.getWidth(), 3);
    PictureSize size = new PictureSize(map.height(), map.width());
    List<String> names = IntStream.range(0, classes).mapToObj(Integer::toString).toList();
    try (Arena arena = Arena.ofConfined();
        SpooledDataset.Builder builder = SpooledDataset.builder(map, names)) {
      MemorySegment pixels = arena.allocate(map.values());
      for (Row row : ordered.values()) {
        PictureFiles.read(row.getAs(0), "a picture", size, 3, pixels, 0);
        builder.add(pixels, row.getInt(1));
      }
      return builder.build(0);
    }
  }

  private static Trained train(DataSplits data, NibbleClassifier classifier, Path file)
      throws IOException {
    Dataset train = data.train();
    TrainingOptions options =
        TrainingOptions.builder()
            .batch((Integer) classifier.getOrDefault(classifier.batchSize()))
            .epochs((Integer) classifier.getOrDefault(classifier.epochs()))
            .schedule(
                Schedule.COSINE,
                ((Double) classifier.getOrDefault(classifier.learningRate())).floatValue())
            .seed(0)
            .threads(2)
            .workers(
                new Workers(0, 1, (Integer) classifier.getOrDefault(classifier.shards()), false))
            .build();
    FeatureMap map = new FeatureMap(train.height(), train.width(), train.channels());
    String network = classifier.getOrDefault(classifier.network());
    try (MemoryAccount account = MemoryAccount.root("single", MemoryAccount.UNLIMITED);
        Trainer trainer =
            Trainer.open(
                NamedNetworks.of(network, map, train.classNames().size()),
                data,
                options,
                ExecutorKernels.choose(),
                account)) {
      double accuracy = trainer.run(new TrainingListener() {}).testAccuracy();
      trainer.saveModel(file);
      return new Trained(Files.readAllBytes(file), accuracy);
    }
  }
}
