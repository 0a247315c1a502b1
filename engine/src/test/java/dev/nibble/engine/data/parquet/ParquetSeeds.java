package dev.nibble.engine.data.parquet;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;

/** A small data set in Parquet files, for tests elsewhere to damage. */
public final class ParquetSeeds {
  private ParquetSeeds() {}

  /** Writes two pictures to train on and one to test on. */
  public static Path write(Path folder) throws IOException {
    Files.createDirectories(folder);
    BufferedImage image = new BufferedImage(5, 4, BufferedImage.TYPE_INT_RGB);
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    if (!ImageIO.write(image, "png", png)) {
      throw new IOException("no writer for PNG");
    }
    byte[] picture = png.toByteArray();
    new TinyParquet("img", "label", null)
        .group(List.of(picture, picture), List.of(0L, 1L))
        .write(folder.resolve("train.parquet"));
    new TinyParquet("img", "label", null)
        .group(List.of(picture), List.of(0L))
        .write(folder.resolve("test.parquet"));
    return folder;
  }
}
