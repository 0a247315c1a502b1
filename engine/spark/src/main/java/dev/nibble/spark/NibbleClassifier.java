package dev.nibble.spark;

import static org.apache.spark.sql.functions.col;

import dev.nibble.engine.collective.Workers;
import java.io.Serializable;
import java.lang.System.Logger.Level;
import java.security.SecureRandom;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.ml.Estimator;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import scala.Function1;
import scala.Tuple2;
import scala.jdk.javaapi.CollectionConverters;
import scala.reflect.ClassTag$;

/**
 * Trains a convolutional network on a data frame of picture files, with activations of 4 bits. A
 * fit is one barrier stage whose tasks share every batch; the model is the same to the last bit for
 * any number of them, and however the data lie in partitions.
 *
 * <p>Every task keeps all pictures, decoded, in a temporary file of its executor. A stage that
 * Spark retries goes on from {@link #checkpointFolder}, if one is set.
 */
public final class NibbleClassifier extends Estimator<NibbleClassificationModel>
    implements DefaultParamsWritable {
  private static final long serialVersionUID = 1;

  private final String uid;
  private final Param<String> contentCol;
  private final Param<String> labelCol;
  private final Param<String> predictionCol;
  private final Param<String> probabilityCol;
  private final Param<String> network;
  private final Param<String> imageSize;
  private final Param<String> activations;
  private final Param<String> memoryLimit;
  private final Param<String> checkpointFolder;
  private final IntParam epochs;
  private final IntParam batchSize;
  private final DoubleParam learningRate;
  private final IntParam workers;
  private final IntParam shards;
  private final IntParam checkpointInterval;
  private final LongParam seed;

  /** With a name of its own. */
  public NibbleClassifier() {
    this(Identifiable$.MODULE$.randomUID("nibble"));
  }

  /** With a given name, as a reader makes it. */
  public NibbleClassifier(String uid) {
    this.uid = uid;
    contentCol = new Param<>(this, "contentCol", "column of the pictures: binaryFile's or image's");
    labelCol = new Param<>(this, "labelCol", "column of class numbers, 0 and up");
    predictionCol = new Param<>(this, "predictionCol", "column of the likeliest class");
    probabilityCol = new Param<>(this, "probabilityCol", "column of the classes' probabilities");
    network = new Param<>(this, "network", "a name such as resnet20, or a model file");
    imageSize = new Param<>(this, "imageSize", "HEIGHTxWIDTH that pictures are resized to");
    activations = new Param<>(this, "activations", "fp32, int8, int4 or int2");
    memoryLimit = new Param<>(this, "memoryLimit", "the most that a task may allocate off-heap");
    checkpointFolder =
        new Param<>(this, "checkpointFolder", "a folder that executors share, for checkpoints");
    epochs = new IntParam(this, "epochs", "passes over the pictures");
    batchSize = new IntParam(this, "batchSize", "pictures of a batch, all workers together");
    learningRate = new DoubleParam(this, "learningRate", "the highest learning rate");
    workers = new IntParam(this, "workers", "tasks that share every batch");
    shards = new IntParam(this, "shards", "workers that a batch is cut for at least");
    checkpointInterval = new IntParam(this, "checkpointInterval", "steps between checkpoints");
    seed = new LongParam(this, "seed", "of weights, order and crops");
    setDefault(contentCol, "content");
    setDefault(labelCol, "label");
    setDefault(predictionCol, "prediction");
    setDefault(probabilityCol, "probability");
    setDefault(network, "resnet20");
    setDefault(imageSize, "");
    setDefault(activations, "int4");
    setDefault(memoryLimit, "");
    setDefault(checkpointFolder, "");
    setDefault(epochs, 10);
    setDefault(batchSize, 128);
    setDefault(learningRate, 0.1);
    setDefault(workers, 1);
    setDefault(shards, 1);
    setDefault(checkpointInterval, 50);
    setDefault(seed, 0L);
  }

  /** Reads a saved one. */
  public static MLReader<NibbleClassifier> read() {
    return new DefaultParamsReader<>();
  }

  /** Reads a saved one. */
  public static NibbleClassifier load(String path) {
    return read().load(path);
  }

  @Override
  public String uid() {
    return uid;
  }

  /** Column of the pictures, whole files or Spark's images; {@code content} unless set. */
  public Param<String> contentCol() {
    return contentCol;
  }

  /** Column of class numbers; {@code label} unless set. */
  public Param<String> labelCol() {
    return labelCol;
  }

  /** Column that a model writes; {@code prediction} unless set. */
  public Param<String> predictionCol() {
    return predictionCol;
  }

  /** Column that a model writes; {@code probability} unless set. */
  public Param<String> probabilityCol() {
    return probabilityCol;
  }

  /**
   * A network's name, or a model's safetensors file to go on from, whose head starts anew for other
   * classes; {@code resnet20} unless set.
   */
  public Param<String> network() {
    return network;
  }

  /** What pictures are resized to; the first one's size unless set. */
  public Param<String> imageSize() {
    return imageSize;
  }

  /** How activations wait for the backward pass; {@code int4} unless set. */
  public Param<String> activations() {
    return activations;
  }

  /** The most that a task may allocate off-heap; no limit unless set. */
  public Param<String> memoryLimit() {
    return memoryLimit;
  }

  /** Where checkpoints go, a folder that all executors see; none unless set. */
  public Param<String> checkpointFolder() {
    return checkpointFolder;
  }

  /** Passes over the pictures; 10 unless set. */
  public IntParam epochs() {
    return epochs;
  }

  /** Pictures of a batch; 128 unless set. */
  public IntParam batchSize() {
    return batchSize;
  }

  /** The highest learning rate; 0.1 unless set. */
  public DoubleParam learningRate() {
    return learningRate;
  }

  /** Tasks that share every batch; 1 unless set. */
  public IntParam workers() {
    return workers;
  }

  /** Workers that a batch is cut for at least; 1 unless set. */
  public IntParam shards() {
    return shards;
  }

  /** Steps between checkpoints; 50 unless set. */
  public IntParam checkpointInterval() {
    return checkpointInterval;
  }

  /** Of weights, order and crops; 0 unless set. */
  public LongParam seed() {
    return seed;
  }

  /** Sets {@link #contentCol}. */
  public NibbleClassifier setContentCol(String value) {
    set(contentCol, value);
    return this;
  }

  /** Sets {@link #labelCol}. */
  public NibbleClassifier setLabelCol(String value) {
    set(labelCol, value);
    return this;
  }

  /** Sets {@link #predictionCol}. */
  public NibbleClassifier setPredictionCol(String value) {
    set(predictionCol, value);
    return this;
  }

  /** Sets {@link #probabilityCol}. */
  public NibbleClassifier setProbabilityCol(String value) {
    set(probabilityCol, value);
    return this;
  }

  /** Sets {@link #network}. */
  public NibbleClassifier setNetwork(String value) {
    set(network, value);
    return this;
  }

  /** Sets {@link #imageSize}. */
  public NibbleClassifier setImageSize(String value) {
    set(imageSize, value);
    return this;
  }

  /** Sets {@link #activations}. */
  public NibbleClassifier setActivations(String value) {
    set(activations, value);
    return this;
  }

  /** Sets {@link #memoryLimit}. */
  public NibbleClassifier setMemoryLimit(String value) {
    set(memoryLimit, value);
    return this;
  }

  /** Sets {@link #checkpointFolder}. */
  public NibbleClassifier setCheckpointFolder(String value) {
    set(checkpointFolder, value);
    return this;
  }

  /** Sets {@link #epochs}. */
  public NibbleClassifier setEpochs(int value) {
    set(epochs, value);
    return this;
  }

  /** Sets {@link #batchSize}. */
  public NibbleClassifier setBatchSize(int value) {
    set(batchSize, value);
    return this;
  }

  /** Sets {@link #learningRate}. */
  public NibbleClassifier setLearningRate(double value) {
    set(learningRate, value);
    return this;
  }

  /** Sets {@link #workers}. */
  public NibbleClassifier setWorkers(int value) {
    set(workers, value);
    return this;
  }

  /** Sets {@link #shards}. */
  public NibbleClassifier setShards(int value) {
    set(shards, value);
    return this;
  }

  /** Sets {@link #checkpointInterval}. */
  public NibbleClassifier setCheckpointInterval(int value) {
    set(checkpointInterval, value);
    return this;
  }

  /** Sets {@link #seed}. */
  public NibbleClassifier setSeed(long value) {
    set(seed, value);
    return this;
  }

  /** An int's value; Spark's own accessors are generic over Scala's. */
  private int intOf(IntParam param) {
    return ((Number) getOrDefault(param)).intValue();
  }

  @Override
  public StructType transformSchema(StructType schema) {
    Columns.requirePictures(schema, getOrDefault(contentCol));
    Columns.requireLabel(schema, getOrDefault(labelCol));
    return NibbleClassificationModel.schema(
        schema, getOrDefault(predictionCol), getOrDefault(probabilityCol));
  }

  /**
   * Trains.
   *
   * @throws IllegalArgumentException if a column is missing or of another type, a label is no class
   *     number, a picture cannot be read, a parameter is wrong, the cluster has not as many slots
   *     as workers, or the weights became infinite
   */
  @Override
  public NibbleClassificationModel fit(Dataset<?> dataset) {
    transformSchema(dataset.schema());
    SparkSession session = dataset.sparkSession();
    int tasks = intOf(workers);
    if (tasks < 1 || tasks > Workers.MOST) {
      throw new IllegalArgumentException(
          "workers is %d: set 1 to %d.".formatted(tasks, Workers.MOST));
    }
    Slots.require(session.sparkContext(), tasks);
    String label = getOrDefault(labelCol);
    Dataset<Row> rows =
        dataset.select(
            col(getOrDefault(contentCol)).as("content"),
            col(label).cast("double").as("label"),
            Columns.name(dataset.schema()));
    List<String> classNames = Labels.classes(rows, Columns.field(dataset.schema(), label));
    FitSettings settings = settings(session, classNames);
    StartModel.check(settings);
    JavaPairRDD<String, Example> everywhere =
        rows.select(col("content"), col("label").cast("int"), col("name"))
            .toJavaRDD()
            .flatMapToPair(row -> ByWorker.copies(row, tasks))
            .repartitionAndSortWithinPartitions(
                new ByWorker(tasks), (Comparator<String> & Serializable) String::compareTo);
    FitResult result = train(everywhere.rdd(), settings);
    if (!result.error().isEmpty()) {
      throw new IllegalArgumentException(result.error());
    }
    if (!result.notice().isEmpty()) {
      System.getLogger("dev.nibble.spark").log(Level.WARNING, result.notice());
    }
    NibbleClassificationModel fitted = new NibbleClassificationModel(uid, result.model());
    return copyValues(fitted, new ParamMap()).setImageSizeOf(getOrDefault(imageSize));
  }

  private static FitResult train(RDD<Tuple2<String, Example>> pictures, FitSettings settings) {
    Function1<
            scala.collection.Iterator<Tuple2<String, Example>>,
            scala.collection.Iterator<FitResult>>
        task =
            (Function1<
                        scala.collection.Iterator<Tuple2<String, Example>>,
                        scala.collection.Iterator<FitResult>>
                    & Serializable)
                iterator -> {
                  Iterator<Tuple2<String, Example>> own = CollectionConverters.asJava(iterator);
                  return CollectionConverters.asScala(FitTask.run(own, settings));
                };
    // A shuffle behind it: Spark retries a barrier stage only if it is not the job's last.
    List<FitResult> results =
        pictures
            .barrier()
            .mapPartitions(task, false, ClassTag$.MODULE$.<FitResult>apply(FitResult.class))
            .toJavaRDD()
            .repartition(1)
            .collect();
    return results.getFirst();
  }

  private FitSettings settings(SparkSession session, List<String> classNames) {
    byte[] secret = new byte[32];
    new SecureRandom().nextBytes(secret);
    String name = getOrDefault(network);
    byte[] start = StartModel.isFile(name) ? StartModel.read(session, name) : new byte[0];
    String size = getOrDefault(imageSize);
    return new FitSettings(
        intOf(workers),
        HexFormat.of().formatHex(secret),
        name,
        start,
        classNames,
        size.isEmpty() && start.length > 0 ? StartModel.imageSize(name, start) : size,
        intOf(epochs),
        intOf(batchSize),
        ((Number) getOrDefault(learningRate)).doubleValue(),
        getOrDefault(activations),
        getOrDefault(memoryLimit),
        intOf(shards),
        session.sparkContext().conf().getInt("spark.task.cpus", 1),
        ((Number) getOrDefault(seed)).longValue(),
        StartModel.folder(getOrDefault(checkpointFolder)),
        intOf(checkpointInterval));
  }

  @Override
  public Estimator<NibbleClassificationModel> copy(ParamMap extra) {
    return defaultCopy(extra);
  }
}
