package dev.nibble.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.evaluation.MulticlassClassificationEvaluator;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.tuning.CrossValidator;
import org.apache.spark.ml.tuning.CrossValidatorModel;
import org.apache.spark.ml.tuning.ParamGridBuilder;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The classifier as users of Spark's pipelines meet it, in one process of four slots. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LocalSparkTest {
  private static final StructType SCHEMA =
      new StructType()
          .add("path", DataTypes.StringType)
          .add("content", DataTypes.BinaryType)
          .add("label", DataTypes.DoubleType);

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
            .config("spark.sql.warehouse.dir", folder.resolve("warehouse").toString())
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .getOrCreate();
  }

  @AfterAll
  void stop() {
    spark.stop();
  }

  /** Pictures of 8x8, dark ones of class 0 and bright ones of class 1, with noise. */
  private Dataset<Row> pictures(int count) throws IOException {
    Random random = new Random(5);
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int label = i % 2;
      BufferedImage image = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
      for (int pixel = 0; pixel < 64; pixel++) {
        int value = random.nextInt(120) + 120 * label;
        image.setRGB(pixel % 8, pixel / 8, value << 16 | value << 8 | value);
      }
      ByteArrayOutputStream png = new ByteArrayOutputStream();
      ImageIO.write(image, "png", png);
      rows.add(RowFactory.create("p" + i, png.toByteArray(), (double) label));
    }
    return spark.createDataFrame(rows, SCHEMA);
  }

  private static NibbleClassifier classifier(int workers) {
    return new NibbleClassifier()
        .setNetwork("resnet8")
        .setEpochs(4)
        .setBatchSize(16)
        .setShards(4)
        .setLearningRate(0.05)
        .setWorkers(workers);
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
    assertThat(two.modelFile()).isEqualTo(one.modelFile());
    assertThat(three.modelFile()).isEqualTo(one.modelFile());

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
    NibbleClassifier classifier = classifier(2).setCheckpointFolder(checkpoints.toString());
    byte[] first = classifier.fit(pictures).modelFile();
    try (var files = Files.list(checkpoints)) {
      assertThat(files).isNotEmpty();
    }
    // The run is complete: nothing is trained any more, by other workers either.
    assertThat(classifier.setWorkers(1).fit(pictures).modelFile()).isEqualTo(first);
  }

  @Test
  void itIsAStageOfAPipelineAndOfACrossValidation() throws Exception {
    Dataset<Row> pictures = pictures(48).cache();
    NibbleClassifier classifier = classifier(2).setEpochs(2);
    Pipeline pipeline = new Pipeline().setStages(new PipelineStage[] {classifier});
    ParamMap[] grid =
        new ParamGridBuilder()
            .addGrid(classifier.learningRate(), new double[] {1e-6, 0.05})
            .build();
    CrossValidatorModel best =
        new CrossValidator()
            .setEstimator(pipeline)
            .setEvaluator(new MulticlassClassificationEvaluator().setMetricName("accuracy"))
            .setEstimatorParamMaps(grid)
            .setNumFolds(2)
            .setSeed(3)
            .fit(pictures);
    assertThat(best.avgMetrics()).hasSize(2);
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
        .hasMessageContaining("not the pictures' files");
    assertThatThrownBy(() -> classifier(1).setLabelCol("path").fit(pictures))
        .hasMessageContaining("StringIndexer");
    assertThatThrownBy(() -> classifier(1).fit(pictures.limit(0)))
        .hasMessageContaining("no labelled pictures");
    assertThatThrownBy(
            () ->
                classifier(1)
                    .fit(pictures.withColumn("label", pictures.col("label").plus(0.5))))
        .hasMessageContaining("StringIndexer");
    assertThatThrownBy(() -> classifier(1).fit(pictures.withColumnRenamed("path", "prediction")))
        .hasMessageContaining("has a column prediction already");
  }
}
