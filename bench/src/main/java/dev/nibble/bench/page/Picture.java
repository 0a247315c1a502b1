package dev.nibble.bench.page;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.function.Consumer;
import javax.imageio.ImageIO;

/** A PNG file, with two pixels for every unit, so that letters stay sharp. */
final class Picture {
  static final int SCALE = 2;

  private Picture() {}

  /**
   * Draws and writes a picture; an older one is replaced only by a whole one.
   *
   * @throws IOException if it cannot be written
   */
  static void write(Path file, int width, int height, Consumer<Graphics2D> drawing)
      throws IOException {
    BufferedImage image =
        new BufferedImage(SCALE * width, SCALE * height, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    try {
      graphics.setColor(Color.WHITE);
      graphics.fillRect(0, 0, SCALE * width, SCALE * height);
      graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
      graphics.setRenderingHint(
          RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
      graphics.setRenderingHint(
          RenderingHints.KEY_FRACTIONALMETRICS, RenderingHints.VALUE_FRACTIONALMETRICS_ON);
      graphics.scale(SCALE, SCALE);
      drawing.accept(graphics);
    } finally {
      graphics.dispose();
    }
    Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
    if (!ImageIO.write(image, "png", temporary.toFile())) {
      throw new IOException("this Java runtime cannot write PNG files");
    }
    Files.move(
        temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }
}
