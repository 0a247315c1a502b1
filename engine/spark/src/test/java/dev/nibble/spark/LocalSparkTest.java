package dev.nibble.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.model.ModelFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.evaluation.MulticlassClassificationEvaluator;
import org.apache.spark.ml.feature.StringIndexer;
import org.apache.spark.ml.feature.StringIndexerModel;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.tuning.CrossValidator;
import org.apache.spark.ml.tuning.CrossValidatorModel;
import org.apache.spark.ml.tuning.ParamGridBuilder;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The classifier as users of Spark's pipelines meet it, in one process of four slots. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LocalSparkTest {
  private static final byte[] GARBAGE = {1, 2, 3};

  @SuppressWarnings("NullAway.Init") // set by start
  private SparkSession spark;

  @SuppressWarnings("NullAway.Init") // set by start
  private Path folder;

  @BeforeAll
  void start(@TempDir Path place) {
    folder = place;
    spark =
        SparkSession.builder()
            .master("local[4]")
            .appName("nibble")
            .config("spark.ui.enabled", false)
            .config("spark.sql.shuffle.partitions", 2)
            // Compiled queries would take longer to compile than to run.
            .config("spark.sql.codegen.wholeStage", false)
            .config("spark.sql.warehouse.dir", folder.resolve("warehouse").toString())
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .getOrCreate();
  }

  @AfterAll
  void stop() {
    spark.stop();
  }

  private Dataset<Row> pictures(int count) throws IOException {
    return TestPictures.frame(spark, count);
  }

  private static NibbleClassifier classifier(int workers) {
    return TestPictures.classifier(workers);
  }

  private static double accuracy(Dataset<Row> predicted) {
    return new MulticlassClassificationEvaluator().setMetricName("accuracy").evaluate(predicted);
  }

  @Test
  void anyNumberOfWorkersAndPartitionsGivesTheSameModelWhichKnowsTheClasses() throws Exception {
    Dataset<Row> pictures = pictures(80).cache();
    NibbleClassificationModel one = classifier(1).fit(pictures.coalesce(1));
    // Five partitions; then skewed: all pictures in one of three, the others empty.
    NibbleClassificationModel two = classifier(2).fit(pictures.repartition(5));
    NibbleClassificationModel three =
        classifier(3).fit(pictures.repartition(3, pictures.col("label").multiply(0)));
    List<Row> rows = pictures.collectAsList();
    assertThat(one.modelFile())
        .isEqualTo(SingleMachine.train(rows, rows, classifier(1), folder).model());
    assertThat(two.modelFile()).isEqualTo(one.modelFile());
    assertThat(three.modelFile()).isEqualTo(one.modelFile());
    assertThat(classifier(4).fit(pictures.repartition(6)).modelFile()).isEqualTo(one.modelFile());

    Dataset<Row> predicted = one.transform(pictures.repartition(3)).cache();
    assertThat(accuracy(predicted)).isGreaterThan(0.95);
    Row row = predicted.first();
    Vector probability = row.getAs("probability");
    assertThat(probability.apply(0) + probability.apply(1)).isBetween(0.999, 1.001);
    assertThat((double) row.getAs("prediction")).isEqualTo((double) probability.argmax());

    String place = folder.resolve("model").toUri().toString();
    one.write().overwrite().save(place);
    NibbleClassificationModel loaded = NibbleClassificationModel.load(place);
    assertThat(loaded.uid()).isEqualTo(one.uid());
    assertThat(loaded.modelFile()).isEqualTo(one.modelFile());
    assertThat(loaded.transform(pictures).select("probability").collectAsList())
        .isEqualTo(one.transform(pictures).select("probability").collectAsList());
  }

  @Test
  void aFitGoesOnFromItsCheckpointFolder() throws Exception {
    Dataset<Row> pictures = pictures(48);
    Path checkpoints = folder.resolve("checkpoints");
    NibbleClassifier classifier =
        classifier(2).setCheckpointFolder(checkpoints.toString()).setCheckpointInterval(5);
    byte[] first = classifier.fit(pictures).modelFile();
    Path own = fits(checkpoints).getFirst();
    List<Path> saved;
    try (var files = Files.list(own)) {
      saved = files.sorted().toList();
    }
    // As if it had been killed after step 10, of 12; three workers go on.
    assertThat(saved).hasSizeGreaterThan(1);
    Files.delete(saved.getLast());
    long before = Files.getLastModifiedTime(saved.getFirst()).toMillis();
    assertThat(classifier.setWorkers(3).fit(pictures).modelFile()).isEqualTo(first);
    assertThat(Files.getLastModifiedTime(saved.getFirst()).toMillis()).isEqualTo(before);
    assertThat(saved.getLast()).exists();
    // Another fit does not find them: it would begin with weights that are not its own.
    classifier.setSeed(7).setEpochs(1).fit(pictures);
    assertThat(fits(checkpoints)).hasSize(2);
  }

  private static List<Path> fits(Path checkpoints) throws IOException {
    try (var folders = Files.list(checkpoints)) {
      return folders.sorted().toList();
    }
  }

  @Test
  void picturesMayBeSparksImagesAndLabelsHaveNames() throws Exception {
    Path files = Files.createDirectories(folder.resolve("images"));
    Random random = new Random(6);
    for (int i = 0; i < 32; i++) {
      String name = (i % 2 == 0 ? "dark" : "light") + i + ".png";
      Files.write(files.resolve(name), TestPictures.png(TestPictures.picture(random, i % 2)));
    }
    Column name = functions.regexp_extract(functions.col("origin"), "(dark|light)", 1);
    Dataset<Row> images =
        spark
            .read()
            .format("image")
            .load(files.toUri().toString())
            .withColumn("origin", functions.col("image.origin"))
            .withColumn("name", name);
    StringIndexerModel indexer =
        new StringIndexer().setInputCol("name").setOutputCol("label").fit(images);
    Dataset<Row> indexed = indexer.transform(images);
    NibbleClassificationModel model =
        classifier(1).setContentCol("image").setEpochs(1).fit(indexed);
    Path file = folder.resolve("named.safetensors");
    Files.write(file, model.modelFile());
    assertThat(ModelFile.info(file).classes())
        .containsExactlyElementsOf(List.of(indexer.labelsArray()[0]));
    assertThat(model.transform(indexed).select("prediction").count()).isEqualTo(32);

    // The same pictures as files; then another fit that begins with what this one has learnt.
    Dataset<Row> asFiles =
        indexer.transform(
            spark
                .read()
                .format("binaryFile")
                .load(files.toUri().toString())
                .withColumn(
                    "name", functions.regexp_extract(functions.col("path"), "(dark|light)", 1)));
    NibbleClassifier next = classifier(2).setNetwork(file.toString()).setEpochs(1);
    assertThat(model.setContentCol("content").transform(asFiles).count()).isEqualTo(32);
    assertThat(next.fit(asFiles).modelFile()).isNotEqualTo(model.modelFile());

    // One that tells something else of a picture is no start, though its outputs are as many.
    Files.write(file, withTask(model.modelFile(), "multi-label"));
    assertThatThrownBy(() -> next.fit(asFiles))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("tells the labels of a picture, not its class");
  }

  /** A model's file that says what its outputs tell. */
  private static byte[] withTask(byte[] file, String task) {
    ByteBuffer buffer = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    byte[] header = new byte[(int) buffer.getLong()];
    buffer.get(header);
    String entry = "\"task\":\"%s\",".formatted(task);
    String spaces = " ".repeat((8 - entry.length() % 8) % 8); // what follows stays aligned
    byte[] said =
        new String(header, StandardCharsets.UTF_8)
            .replaceFirst("(\"__metadata__\"\\s*:\\s*\\{)", "$1" + entry + spaces)
            .getBytes(StandardCharsets.UTF_8);
    assertThat(said.length).isGreaterThan(header.length);
    return ByteBuffer.allocate(8 + said.length + buffer.remaining())
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(said.length)
        .put(said)
        .put(buffer)
        .array();
  }

  @Test
  void itIsAStageOfAPipelineAndOfACrossValidation() throws Exception {
    Dataset<Row> pictures = pictures(48).cache();
    NibbleClassifier classifier = classifier(2).setEpochs(1);
    Pipeline pipeline = new Pipeline().setStages(new PipelineStage[] {classifier});
    ParamMap[] grid =
        new ParamGridBuilder().addGrid(classifier.learningRate(), new double[] {0.05}).build();
    CrossValidatorModel best =
        new CrossValidator()
            .setEstimator(pipeline)
            .setEvaluator(new MulticlassClassificationEvaluator().setMetricName("accuracy"))
            .setEstimatorParamMaps(grid)
            .setNumFolds(2)
            .setSeed(3)
            .fit(pictures);
    assertThat(best.avgMetrics()).hasSize(1);
    String place = folder.resolve("pipeline").toUri().toString();
    ((PipelineModel) best.bestModel()).write().overwrite().save(place);
    assertThat(PipelineModel.load(place).transform(pictures).count()).isEqualTo(48);
    String own = folder.resolve("classifier").toUri().toString();
    classifier.write().overwrite().save(own);
    NibbleClassifier read = NibbleClassifier.load(own);
    assertThat(read.uid()).isEqualTo(classifier.uid());
    assertThat(read.getOrDefault(read.network())).isEqualTo("resnet8");
  }

  @Test
  void whatCannotBeIsSaidBeforeAnythingRuns() throws Exception {
    Dataset<Row> pictures = pictures(8);
    assertThatThrownBy(() -> classifier(5).fit(pictures))
        .hasMessageContaining("5 workers needs as many slots at once, but there are 4");
    assertThatThrownBy(() -> classifier(1).fit(pictures.drop("content")))
        .hasMessageContaining("no column content, but path, label");
    assertThatThrownBy(() -> classifier(1).setContentCol("path").fit(pictures))
        .hasMessageContaining("not pictures: read them with the format binaryFile or image");
    assertThatThrownBy(() -> classifier(1).setLabelCol("path").fit(pictures))
        .hasMessageContaining("StringIndexer");
    assertThatThrownBy(() -> classifier(1).fit(pictures.limit(0)))
        .hasMessageContaining("no labelled pictures");
    assertThatThrownBy(
            () -> classifier(1).fit(pictures.withColumn("label", pictures.col("label").plus(0.5))))
        .hasMessageContaining("StringIndexer");
    assertThatThrownBy(() -> classifier(1).fit(pictures.withColumnRenamed("path", "prediction")))
        .hasMessageContaining("has a column prediction already");
    assertThatThrownBy(() -> classifier(1).setNetwork("resnet-many").fit(pictures))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("resnet-many");
    assertThatThrownBy(() -> classifier(1).setActivations("int5").fit(pictures))
        .hasMessageContaining("activations is 'int5'");
    assertThatThrownBy(() -> classifier(1).setImageSize("8").fit(pictures))
        .hasMessageContaining("imageSize is '8'");
    assertThatThrownBy(() -> classifier(1).setCheckpointFolder("hdfs://a/b").fit(pictures))
        .hasMessageContaining("that all executors mount");
    assertThatThrownBy(() -> classifier(1).setMemoryLimit("64KiB").fit(pictures))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("64");
    // Fewer pictures than shards: not even one for each worker.
    assertThatThrownBy(() -> classifier(4).fit(pictures.limit(2)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("cannot share a batch of 2");
    assertThatThrownBy(() -> classifier(0).fit(pictures)).hasMessageContaining("set 1 to 32");
    assertThatThrownBy(
            () -> classifier(2).fit(pictures.withColumn("content", functions.lit(GARBAGE))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("Cannot read the picture p");
  }
}
