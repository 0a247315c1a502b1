package dev.nibble.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.element_at;
import static org.apache.spark.sql.functions.split;

import java.util.Locale;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.evaluation.MulticlassClassificationEvaluator;
import org.apache.spark.ml.feature.StringIndexer;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * A program for {@code spark-submit}: trains a network on a folder of pictures, whose sub-folders
 * are the classes, and saves the pipeline. It is an example, too, of how the classifier is used.
 */
public final class TrainFolder {
  private static final double TEST_SHARE = 0.2;
  private static final long SPLIT_SEED = 1;

  private TrainFolder() {}

  /** Runs with the arguments PICTURES MODEL WORKERS, and further ones NAME=VALUE. */
  public static void main(String[] args) {
    if (args.length < 3) {
      System.err.println(
          "Give a folder of pictures whose sub-folders are the classes, where to save the model,"
              + " the number of workers, and parameters of NibbleClassifier as NAME=VALUE.");
      System.exit(2);
    }
    SparkSession spark = SparkSession.builder().appName("Nibble").getOrCreate();
    try {
      double accuracy = run(spark, args);
      System.out.printf(
          Locale.ROOT, "test accuracy %.1f %%, model in %s%n", 100 * accuracy, args[1]);
    } finally {
      spark.stop();
    }
  }

  /** Trains, saves, and returns the share of the held-out pictures that are classified rightly. */
  static double run(SparkSession spark, String... args) {
    NibbleClassifier classifier = new NibbleClassifier().setWorkers(Integer.parseInt(args[2]));
    for (int i = 3; i < args.length; i++) {
      int equals = args[i].indexOf('=');
      if (equals < 1) {
        throw new IllegalArgumentException("'%s' is no NAME=VALUE.".formatted(args[i]));
      }
      set(classifier, args[i].substring(0, equals), args[i].substring(equals + 1));
    }
    Dataset<Row> pictures =
        spark
            .read()
            .format("binaryFile")
            .option("recursiveFileLookup", "true")
            .load(args[0])
            .select(
                col("path"), col("content"), element_at(split(col("path"), "/"), -2).as("class"))
            .cache();
    Dataset<Row>[] parts =
        pictures.randomSplit(new double[] {1 - TEST_SHARE, TEST_SHARE}, SPLIT_SEED);
    StringIndexer indexer = new StringIndexer().setInputCol("class").setOutputCol("label");
    PipelineModel model =
        new Pipeline().setStages(new PipelineStage[] {indexer, classifier}).fit(parts[0]);
    try {
      model.write().overwrite().save(args[1]);
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException("The model cannot be saved", e);
    }
    return new MulticlassClassificationEvaluator()
        .setMetricName("accuracy")
        .evaluate(model.transform(parts[1]));
  }

  private static void set(NibbleClassifier classifier, String name, String value) {
    Object old = classifier.getOrDefault(classifier.getParam(name));
    try {
      if (old instanceof Integer) {
        classifier.set(name, Integer.valueOf(value));
      } else if (old instanceof Long) {
        classifier.set(name, Long.valueOf(value));
      } else if (old instanceof Double) {
        classifier.set(name, Double.valueOf(value));
      } else {
        classifier.set(name, value);
      }
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("%s is '%s': give a number.".formatted(name, value), e);
    }
  }
}
