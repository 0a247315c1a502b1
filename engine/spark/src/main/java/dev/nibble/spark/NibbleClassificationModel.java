package dev.nibble.spark;

import dev.nibble.engine.model.ModelFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.ml.Model;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWriter;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.ml.util.MLWritable;
import org.apache.spark.ml.util.MLWriter;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import scala.Option;
import scala.collection.immutable.List;
import scala.reflect.ClassTag$;

/** A network that {@link NibbleClassifier} has trained; adds classes and their probabilities. */
public final class NibbleClassificationModel extends Model<NibbleClassificationModel>
    implements MLWritable {
  private static final long serialVersionUID = 1;
  private static final String FILE = "model.safetensors";

  private final String uid;
  private final byte[] model;
  private final Param<String> contentCol;
  private final Param<String> labelCol;
  private final Param<String> predictionCol;
  private final Param<String> probabilityCol;
  private final Param<String> imageSize;

  NibbleClassificationModel(String uid, byte[] model) {
    this.uid = uid;
    this.model = model;
    contentCol = new Param<>(this, "contentCol", "column of the pictures: binaryFile's or image's");
    labelCol = new Param<>(this, "labelCol", "column of class numbers, not read here");
    predictionCol = new Param<>(this, "predictionCol", "column of the likeliest class");
    probabilityCol = new Param<>(this, "probabilityCol", "column of the classes' probabilities");
    imageSize = new Param<>(this, "imageSize", "HEIGHTxWIDTH that pictures were resized to");
    setDefault(contentCol, "content");
    setDefault(labelCol, "label");
    setDefault(predictionCol, "prediction");
    setDefault(probabilityCol, "probability");
    setDefault(imageSize, "");
  }

  NibbleClassificationModel setImageSizeOf(String value) {
    set(imageSize, value);
    return this;
  }

  @Override
  public String uid() {
    return uid;
  }

  /** Column of the pictures: whole files, or Spark's images. */
  public Param<String> contentCol() {
    return contentCol;
  }

  /** Column of class numbers, as the estimator's; not read. */
  public Param<String> labelCol() {
    return labelCol;
  }

  /** Column that is added: the likeliest class, a double. */
  public Param<String> predictionCol() {
    return predictionCol;
  }

  /** Column that is added: a vector of the classes' probabilities. */
  public Param<String> probabilityCol() {
    return probabilityCol;
  }

  /** What pictures were resized to in training, as the network's input is. */
  public Param<String> imageSize() {
    return imageSize;
  }

  /** Sets {@link #contentCol}. */
  public NibbleClassificationModel setContentCol(String value) {
    set(contentCol, value);
    return this;
  }

  /** Sets {@link #predictionCol}. */
  public NibbleClassificationModel setPredictionCol(String value) {
    set(predictionCol, value);
    return this;
  }

  /** Sets {@link #probabilityCol}. */
  public NibbleClassificationModel setProbabilityCol(String value) {
    set(probabilityCol, value);
    return this;
  }

  /** The model's safetensors file, for {@code nibble evaluate}, PyTorch, or a Predictor. */
  public byte[] modelFile() {
    return model.clone();
  }

  static StructType schema(StructType schema, String prediction, String probability) {
    Columns.requireAbsent(schema, prediction);
    Columns.requireAbsent(schema, probability);
    return schema
        .add(prediction, DataTypes.DoubleType, false)
        .add(probability, SQLDataTypes.VectorType(), false);
  }

  @Override
  public StructType transformSchema(StructType schema) {
    Columns.requirePictures(schema, getOrDefault(contentCol));
    return schema(schema, getOrDefault(predictionCol), getOrDefault(probabilityCol));
  }

  @Override
  public Dataset<Row> transform(Dataset<?> dataset) {
    StructType schema = transformSchema(dataset.schema());
    int content = dataset.schema().fieldIndex(getOrDefault(contentCol));
    Broadcast<SharedPredictor> predictor =
        dataset
            .sparkSession()
            .sparkContext()
            .broadcast(
                new SharedPredictor(model),
                ClassTag$.MODULE$.<SharedPredictor>apply(SharedPredictor.class));
    MapPartitionsFunction<Row, Row> predict =
        rows -> PredictTask.run(rows, predictor.value(), content);
    return dataset.toDF().mapPartitions(predict, Encoders.row(schema));
  }

  @Override
  public NibbleClassificationModel copy(ParamMap extra) {
    return copyValues(new NibbleClassificationModel(uid, model), extra);
  }

  @Override
  public MLWriter write() {
    return new Writer(this);
  }

  /** Reads a saved one. */
  public static MLReader<NibbleClassificationModel> read() {
    return new Reader();
  }

  /** Reads a saved one. */
  public static NibbleClassificationModel load(String path) {
    return read().load(path);
  }

  private static final class Writer extends MLWriter {
    private final NibbleClassificationModel saved;

    Writer(NibbleClassificationModel saved) {
      this.saved = saved;
    }

    @Override
    public void saveImpl(String path) {
      DefaultParamsWriter.saveMetadata(saved, path, sparkSession());
      Path file = new Path(path, FILE);
      try {
        FileSystem system = file.getFileSystem(sparkSession().sparkContext().hadoopConfiguration());
        try (OutputStream out = system.create(file, shouldOverwrite())) {
          out.write(saved.model);
        }
      } catch (IOException e) {
        throw new java.io.UncheckedIOException("Cannot write " + file, e);
      }
    }
  }

  private static final class Reader extends MLReader<NibbleClassificationModel> {
    @Override
    public NibbleClassificationModel load(String path) {
      DefaultParamsReader.Metadata metadata =
          DefaultParamsReader.loadMetadata(
              path, sparkSession(), NibbleClassificationModel.class.getName());
      Path file = new Path(path, FILE);
      try {
        FileSystem system = file.getFileSystem(sparkSession().sparkContext().hadoopConfiguration());
        byte[] bytes;
        try (InputStream in = system.open(file)) {
          bytes = in.readAllBytes();
        }
        check(bytes);
        NibbleClassificationModel read = new NibbleClassificationModel(metadata.uid(), bytes);
        metadata.getAndSetParams(read, Option.<List<String>>empty());
        return read;
      } catch (IOException e) {
        throw new java.io.UncheckedIOException("Cannot read " + file, e);
      }
    }

    /** Now, not when a task meets it. */
    private static void check(byte[] bytes) throws IOException {
      java.nio.file.Path file = Scratch.file(bytes);
      try {
        ModelFile.info(file);
      } finally {
        Files.deleteIfExists(file);
      }
    }
  }
}
