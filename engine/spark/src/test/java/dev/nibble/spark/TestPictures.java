package dev.nibble.spark;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** Pictures of 8x8, dark ones of class 0 and bright ones of class 1, with noise. */
final class TestPictures {
  static final int SIZE = 8;

  private static final StructType SCHEMA =
      new StructType()
          .add("path", DataTypes.StringType)
          .add("content", DataTypes.BinaryType)
          .add("label", DataTypes.DoubleType);

  private TestPictures() {}

  static BufferedImage picture(Random random, int label) {
    BufferedImage image = new BufferedImage(SIZE, SIZE, BufferedImage.TYPE_INT_RGB);
    for (int pixel = 0; pixel < SIZE * SIZE; pixel++) {
      int value = random.nextInt(120) + 120 * label;
      image.setRGB(pixel % SIZE, pixel / SIZE, value << 16 | value << 8 | value);
    }
    return image;
  }

  static byte[] png(BufferedImage image) throws IOException {
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    ImageIO.write(image, "png", png);
    return png.toByteArray();
  }

  static Dataset<Row> frame(SparkSession spark, int count) throws IOException {
    Random random = new Random(5);
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int label = i % 2;
      rows.add(RowFactory.create("p" + i, png(picture(random, label)), (double) label));
    }
    return spark.createDataFrame(rows, SCHEMA);
  }

  static NibbleClassifier classifier(int workers) {
    return new NibbleClassifier()
        .setNetwork("resnet8")
        .setEpochs(4)
        .setBatchSize(16)
        .setShards(4)
        .setLearningRate(0.05)
        .setWorkers(workers);
  }
}
