package dev.nibble.samples;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;

/** Tiny image folders: two classes, bright at the left or bright at the right. */
final class PictureFolders {
  static final int SIDE = 8;

  private PictureFolders() {}

  /** Writes a data set with so many pictures a class in each split. */
  static Path create(Path folder, int train, int test) throws IOException {
    write(folder.resolve("train"), train, 1);
    write(folder.resolve("test"), test, 2);
    return folder;
  }

  private static void write(Path split, int count, long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    for (String name : new String[] {"left", "right"}) {
      Path folder = Files.createDirectories(split.resolve(name));
      for (int i = 0; i < count; i++) {
        picture(folder.resolve("p%03d.png".formatted(i)), name.equals("left"), random);
      }
    }
  }

  private static void picture(Path file, boolean left, SplittableRandom random) throws IOException {
    BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < SIDE; y++) {
      for (int x = 0; x < SIDE; x++) {
        int base = (x < SIDE / 2) == left ? 160 : 30;
        int rgb = 0;
        for (int c = 0; c < 3; c++) {
          rgb = rgb << 8 | (base + random.nextInt(80));
        }
        image.setRGB(x, y, rgb);
      }
    }
    if (!ImageIO.write(image, "png", file.toFile())) {
      throw new IOException("no PNG writer");
    }
  }
}
