package dev.nibble.samples;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import javax.imageio.ImageIO;
import org.knowm.xchart.XYChart;

/** Writes pictures. */
final class PngFile {
  private PngFile() {}

  /**
   * Writes a picture; an older one is replaced only by a whole one.
   *
   * @throws IOException if it cannot be written
   */
  static void write(Path file, BufferedImage image) throws IOException {
    Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
    if (!ImageIO.write(image, "png", temporary.toFile())) {
      throw new IOException("this Java runtime cannot write PNG files");
    }
    Files.move(
        temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /**
   * Writes a chart.
   *
   * @throws IOException if it cannot be written
   */
  static void write(Path file, XYChart chart) throws IOException {
    int width = chart.getWidth();
    int height = chart.getHeight();
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    try {
      graphics.setColor(Color.WHITE);
      graphics.fillRect(0, 0, width, height);
      graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
      chart.paint(graphics, width, height);
    } finally {
      graphics.dispose();
    }
    write(file, image);
  }
}
