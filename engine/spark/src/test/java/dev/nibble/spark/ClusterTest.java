package dev.nibble.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.data.sources.ShapesDataset;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The classifier on a master and three workers, each a process, with an executor each. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class) // an executor is killed last
@Timeout(180)
@Tag("cluster")
class ClusterTest {
  private static final int WORKERS = 3;

  @SuppressWarnings("NullAway.Init") // set by start
  private Path folder;

  @SuppressWarnings("NullAway.Init") // set by start
  private StandaloneCluster cluster;

  private @Nullable SparkSession spark;

  @BeforeAll
  void start(@TempDir Path place) throws IOException {
    folder = place;
    cluster = new StandaloneCluster(folder, WORKERS, 1);
  }

  /** A driver, to which all slots belong. */
  private SparkSession session() {
    SparkSession started = spark;
    if (started == null) {
      started = startSession();
      spark = started;
    }
    return started;
  }

  private SparkSession startSession() {
    return SparkSession.builder()
        .master(cluster.master())
        .appName("nibble")
        .config("spark.home", cluster.home().toString())
        .config("spark.jars", cluster.applicationJars())
        .config("spark.ui.enabled", false)
        .config("spark.executor.memory", "512m")
        .config("spark.executor.cores", 1)
        .config("spark.sql.shuffle.partitions", 2)
        .config("spark.sql.warehouse.dir", folder.resolve("warehouse").toString())
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.scheduler.maxRegisteredResourcesWaitingTime", "4s")
        // A lost executor's slot comes back within a moment; Spark looks every 15 s.
        .config("spark.scheduler.barrier.maxConcurrentTasksCheck.interval", "1s")
        .getOrCreate();
  }

  @AfterAll
  void stop() {
    SparkSession started = spark;
    try {
      if (started != null) {
        started.stop();
      }
    } finally {
      cluster.close();
    }
  }

  @Test
  @Order(0)
  void theExampleRunsWithSparkSubmit() throws Exception {
    Path pictures = folder.resolve("pictures");
    Random random = new Random(8);
    for (int i = 0; i < 40; i++) {
      Path of = Files.createDirectories(pictures.resolve(i % 2 == 0 ? "dark" : "light"));
      Files.write(of.resolve(i + ".png"), TestPictures.png(TestPictures.picture(random, i % 2)));
    }
    Path model = folder.resolve("pipeline");
    String[] options = {
      "network=resnet8", "epochs=8", "batchSize=16", "shards=2", "learningRate=0.05"
    };
    String said =
        cluster.submit(
            TrainFolder.class.getName(),
            Stream.concat(
                    Stream.of(pictures.toUri().toString(), model.toUri().toString(), "2"),
                    Stream.of(options))
                .toList());
    assertThat(said).containsPattern("test accuracy (9[0-9]|100)\\.[0-9] %");
    assertThat(model.resolve("stages")).isDirectory();
  }

  @Test
  @Order(1)
  void threeExecutorsGiveTheBytesOfTheSingleMachineAndClassify() throws Exception {
    Dataset<Row> pictures = TestPictures.frame(session(), 80);
    NibbleClassifier classifier = TestPictures.classifier(WORKERS);
    NibbleClassificationModel model = classifier.fit(pictures);
    assertThat(cluster.executors()).hasSize(WORKERS);
    List<Row> rows = pictures.collectAsList();
    assertThat(model.modelFile())
        .isEqualTo(SingleMachine.train(rows, rows, classifier, folder).model());
    Dataset<Row> predicted = model.transform(pictures.repartition(6));
    assertThat(predicted.filter("prediction = label").count()).isGreaterThan(76);
  }

  @Test
  @Order(2)
  void moreWorkersThanSlotsAreRefusedBeforeAnythingRuns() throws Exception {
    Dataset<Row> pictures = TestPictures.frame(session(), 8);
    assertThatThrownBy(() -> TestPictures.classifier(WORKERS + 1).fit(pictures))
        .hasMessageContaining("needs as many slots at once, but there are 3");
  }

  @Test
  @Order(2)
  void aCheckpointFolderThatIsNotSharedIsRefused() throws Exception {
    Dataset<Row> pictures = TestPictures.frame(session(), 80);
    // Each executor's working folder is its own.
    assertThatThrownBy(
            () -> TestPictures.classifier(WORKERS).setCheckpointFolder("mine").fit(pictures))
        .hasMessageContaining("does not see worker 0's checkpoints in mine")
        .hasMessageContaining("name a folder that all executors share");
  }

  @Test
  @Order(3)
  @Timeout(300)
  void threeExecutorsReachTheAccuracyOfTheSingleMachineOnShapes() throws Exception {
    try (ShapesDataset some = ShapesDataset.train(3, 3200);
        ShapesDataset others = ShapesDataset.test(3, 300)) {
      Dataset<Row> pictures = TestPictures.shapes(session(), some);
      Dataset<Row> unseen = TestPictures.shapes(session(), others);
      NibbleClassifier classifier =
          TestPictures.classifier(WORKERS).setEpochs(10).setBatchSize(32).setLearningRate(0.05);
      SingleMachine.Trained single =
          SingleMachine.train(pictures.collectAsList(), unseen.collectAsList(), classifier, folder);
      NibbleClassificationModel model = classifier.fit(pictures.repartition(5));
      Dataset<Row> predicted = model.transform(unseen.repartition(4));
      double right = predicted.filter("prediction = label").count();
      assertThat(single.accuracy())
          .as("of the single machine")
          .isGreaterThan(0.5); // a tenth by chance
      assertThat(right / others.size()).isEqualTo(single.accuracy(), within(1e-6));
      assertThat(model.modelFile()).isEqualTo(single.model());
    }
  }

  @Test
  @Order(4)
  void aFourthExecutorThatComesLaterTakesItsPart() throws Exception {
    Dataset<Row> pictures = TestPictures.frame(session(), 80);
    cluster.add(1);
    NibbleClassifier classifier = TestPictures.classifier(WORKERS + 1);
    NibbleClassificationModel model = classifier.fit(pictures);
    assertThat(cluster.executors()).hasSize(WORKERS + 1);
    List<Row> rows = pictures.collectAsList();
    assertThat(model.modelFile())
        .isEqualTo(SingleMachine.train(rows, rows, classifier, folder).model());
  }

  @Test
  @Order(5)
  void aFitWhoseExecutorIsKilledGoesOnFromItsLastCheckpointToTheSameBytes() throws Exception {
    Dataset<Row> pictures = TestPictures.frame(session(), 160);
    NibbleClassifier classifier = TestPictures.classifier(WORKERS).setEpochs(40);
    List<Row> rows = pictures.collectAsList();
    byte[] undisturbed = SingleMachine.train(rows, rows, classifier, folder).model();
    Path checkpoints = folder.resolve("checkpoints");
    classifier.setCheckpointFolder(checkpoints.toString()).setCheckpointInterval(20);
    ExecutorService threads = Executors.newSingleThreadExecutor();
    try {
      Callable<NibbleClassificationModel> fit = () -> classifier.fit(pictures);
      Future<NibbleClassificationModel> fitted = threads.submit(fit);
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
      while (saved(checkpoints).isEmpty()) {
        assertThat(fitted.isDone()).as("a fit without a checkpoint").isFalse();
        assertThat(System.nanoTime()).as("a checkpoint within a minute").isLessThan(end);
        Thread.sleep(2);
      }
      assertThat(cluster.executors().get(1).destroyForcibly()).isTrue();
      assertThat(fitted.isDone()).as("killed before it was done").isFalse();
      assertThat(fitted.get(120, TimeUnit.SECONDS).modelFile()).isEqualTo(undisturbed);
    } finally {
      threads.shutdownNow();
      assertThat(threads.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
    }
  }

  private static List<Path> saved(Path checkpoints) throws IOException {
    if (!Files.exists(checkpoints)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(checkpoints)) {
      return files.filter(file -> file.toString().endsWith(".nibble")).toList();
    }
  }
}
