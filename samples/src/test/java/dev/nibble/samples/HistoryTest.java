package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HistoryTest {
  @TempDir private Path folder;

  @Test
  void keepsMeansOfALongRun() {
    History history = new History();
    int steps = 64_000;
    for (int i = 1; i <= steps; i++) {
      history.addStep(i, i, 1);
    }
    assertThat(history.steps().length).isBetween(1000, 2048);
    assertThat(history.stepsPerPoint()).isEqualTo(32);
    assertThat(history.losses()).isEqualTo(history.steps());
    int covered = history.steps().length * history.stepsPerPoint();
    assertThat(Arrays.stream(history.losses()).average().orElse(0))
        .isCloseTo((covered + 1) / 2.0, within(1e-6));
  }

  @Test
  void isDrawnInTwoPanels() throws IOException {
    History history = new History();
    for (int i = 1; i <= 500; i++) {
      history.addStep(i, 2.0 / i, 1 - 1.0 / i);
    }
    history.addTest(500, 0.1, 0.9);
    Path file = folder.resolve("curves.png");
    Curves.write(file, "a run", history);
    BufferedImage image = ImageIO.read(file.toFile());
    int half = image.getWidth() / 2;
    assertThat(inked(image, 0, half)).as("pixels drawn at the left").isGreaterThan(2000);
    assertThat(inked(image, half, 2 * half)).as("pixels drawn at the right").isGreaterThan(2000);
    assertThat(folder.toFile().list()).containsExactly("curves.png");
  }

  private static int inked(BufferedImage image, int from, int to) {
    int count = 0;
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = from; x < to; x++) {
        count += (image.getRGB(x, y) & 0xFFFFFF) != 0xFFFFFF ? 1 : 0;
      }
    }
    return count;
  }
}
