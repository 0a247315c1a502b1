package dev.nibble.samples;

import dev.nibble.engine.infer.ConfusionMatrix;
import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.AffineTransform;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;

/** Draws a confusion matrix: a row a class, the darker the more of its pictures. */
final class ConfusionPicture {
  private static final int MOST_SIDE = 900;
  private static final int MOST_CELL = 44;

  /** Below this, a cell has no room for a number, and a row none for a name. */
  private static final int LEAST_CELL = 14;

  private static final int NAME_ROOM = 160;
  private static final int MARGIN = 40;
  private static final Color DARK = new Color(0x1F, 0x6F, 0xB4);
  private static final Color GRID = new Color(0xE4, 0xE4, 0xE4);

  private final ConfusionMatrix matrix;
  private final int cell;
  private final int names;
  private final Graphics2D graphics;

  private ConfusionPicture(ConfusionMatrix matrix, int cell, int names, Graphics2D graphics) {
    this.matrix = matrix;
    this.cell = cell;
    this.names = names;
    this.graphics = graphics;
  }

  /**
   * Writes the picture.
   *
   * @throws IOException if it cannot be written
   */
  static void write(Path file, ConfusionMatrix matrix) throws IOException {
    int classes = matrix.classes().size();
    int cell = Math.clamp(MOST_SIDE / classes, 1, MOST_CELL);
    int names = cell < LEAST_CELL ? 0 : NAME_ROOM;
    int side = MARGIN + names + cell * classes + MARGIN;
    BufferedImage image = new BufferedImage(side, side, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    try {
      graphics.setColor(Color.WHITE);
      graphics.fillRect(0, 0, side, side);
      graphics.setRenderingHint(
          RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
      new ConfusionPicture(matrix, cell, names, graphics).draw();
    } finally {
      graphics.dispose();
    }
    PngFile.write(file, image);
  }

  private void draw() {
    int classes = matrix.classes().size();
    int from = MARGIN + names;
    graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, Math.clamp(cell - 4L, 9, 13)));
    FontMetrics metrics = graphics.getFontMetrics();
    for (int label = 0; label < classes; label++) {
      for (int predicted = 0; predicted < classes; predicted++) {
        cell(from, label, predicted, metrics);
      }
      if (names > 0) {
        name(from, label, metrics);
      }
    }
    graphics.setColor(GRID);
    graphics.drawRect(from - 1, from - 1, cell * classes + 1, cell * classes + 1);
    graphics.setColor(Color.DARK_GRAY);
    graphics.setFont(new Font(Font.SANS_SERIF, Font.BOLD, 13));
    graphics.drawString("taken for", from, MARGIN - 16);
    graphics.drawString("class", 8, from - 8);
  }

  private void cell(int from, int label, int predicted, FontMetrics metrics) {
    long count = matrix.count(label, predicted);
    double share = count == 0 ? 0 : (double) count / matrix.labelled(label);
    int x = from + predicted * cell;
    int y = from + label * cell;
    graphics.setColor(
        new Color(
            mix(Color.WHITE.getRed(), DARK.getRed(), share),
            mix(Color.WHITE.getGreen(), DARK.getGreen(), share),
            mix(Color.WHITE.getBlue(), DARK.getBlue(), share)));
    graphics.fillRect(x, y, cell, cell);
    String text = Long.toString(count);
    if (count > 0 && cell >= LEAST_CELL && metrics.stringWidth(text) < cell) {
      graphics.setColor(share > 0.5 ? Color.WHITE : Color.DARK_GRAY);
      graphics.drawString(
          text,
          x + (cell - metrics.stringWidth(text)) / 2,
          y + (cell + metrics.getAscent()) / 2 - 1);
    }
  }

  private static int mix(int from, int to, double share) {
    return (int) Math.round(from + share * (to - from));
  }

  private void name(int from, int label, FontMetrics metrics) {
    String text = matrix.classes().get(label);
    while (text.length() > 2 && metrics.stringWidth(text) > NAME_ROOM - 12) {
      text = text.substring(0, text.length() - 2) + "…";
    }
    graphics.setColor(Color.DARK_GRAY);
    int middle = from + label * cell + (cell + metrics.getAscent()) / 2 - 1;
    graphics.drawString(text, from - 6 - metrics.stringWidth(text), middle);
    AffineTransform upright = graphics.getTransform();
    graphics.rotate(-Math.PI / 2, middle, from - 6);
    graphics.drawString(text, middle, from - 6);
    graphics.setTransform(upright);
  }
}
