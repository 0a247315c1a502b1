package dev.nibble.bench;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;

/** Small pictures, each of its own seed, so that one that comes back can be known again. */
final class SoakPictures {
  static final int SIDE = 16;

  private SoakPictures() {}

  /** Bright to the left or to the right, with noise. */
  private static BufferedImage draw(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    boolean left = seed % 2 == 0;
    BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < SIDE * SIDE; i++) {
      int base = i % SIDE < SIDE / 2 == left ? 160 : 30;
      int rgb = 0;
      for (int c = 0; c < 3; c++) {
        rgb = rgb << 8 | base + random.nextInt(80);
      }
      image.setRGB(i % SIDE, i / SIDE, rgb);
    }
    return image;
  }

  static byte[] png(long seed) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      if (!ImageIO.write(draw(seed), "png", out)) {
        throw new IOException("This Java runtime writes no PNG");
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return out.toByteArray();
  }

  /** Whether a PNG shows exactly the picture of a seed. */
  static boolean isOf(long seed, byte[] png) throws IOException {
    BufferedImage shown = ImageIO.read(new ByteArrayInputStream(png));
    BufferedImage drawn = draw(seed);
    for (int i = 0; i < SIDE * SIDE; i++) {
      if (shown == null || shown.getRGB(i % SIDE, i / SIDE) != drawn.getRGB(i % SIDE, i / SIDE)) {
        return false;
      }
    }
    return true;
  }

  /** Writes a data set of two classes for the service to train on. */
  static void writeFolder(Path folder) throws IOException {
    for (String part : new String[] {"train", "test"}) {
      int each = part.equals("train") ? 48 : 24;
      for (int i = 0; i < 2 * each; i++) {
        Path of = folder.resolve(part).resolve(i % 2 == 0 ? "left" : "right");
        Files.createDirectories(of);
        Files.write(of.resolve(i + ".png"), png((part.equals("train") ? 1000 : 2000) + i));
      }
    }
  }
}
