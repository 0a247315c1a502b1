package dev.nibble.spark;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.engine.data.sources.ShapesDataset;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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

/** Pictures of 8x8, dark ones of class 0 and bright ones of class 1, with noise; and shapes. */
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

  /** Pictures that the engine paints: ten classes, 32x32. */
  static Dataset<Row> shapes(SparkSession spark, ShapesDataset shapes) throws IOException {
    int side = shapes.width();
    List<Row> rows = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pixels = arena.allocate(shapes.pictureBytes());
      for (int i = 0; i < shapes.size(); i++) {
        shapes.read(i, pixels, 0);
        BufferedImage image = new BufferedImage(side, side, BufferedImage.TYPE_3BYTE_BGR);
        for (int pixel = 0; pixel < side * side; pixel++) {
          int red = pixels.get(JAVA_BYTE, 3L * pixel) & 0xff;
          int green = pixels.get(JAVA_BYTE, 3L * pixel + 1) & 0xff;
          int blue = pixels.get(JAVA_BYTE, 3L * pixel + 2) & 0xff;
          image.setRGB(pixel % side, pixel / side, red << 16 | green << 8 | blue);
        }
        rows.add(RowFactory.create("s" + i, png(image), (double) shapes.label(i)));
      }
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
