package dev.nibble.engine.data.pictures;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

class LargePicturesTest {
  /** Rows of black and white in turn are grey at half the size, not black or white. */
  @Test
  void stripesBecomeGrey() throws IOException {
    BufferedImage image = new BufferedImage(2100, 2100, BufferedImage.TYPE_BYTE_GRAY);
    int[] white = new int[2100];
    Arrays.fill(white, 255);
    for (int y = 0; y < 2100; y += 2) {
      image.getRaster().setSamples(0, y, 2100, 1, 0, white);
    }
    RgbPicture picture = Pictures.decode(write(image, "png"), true);
    assertThat(picture.height()).isEqualTo(1050);
    for (byte value : picture.rgb()) {
      assertThat(value).isEqualTo((byte) 128);
    }
  }

  /** What is decoded in parts is the same, at their seams, too; once, for it takes a second. */
  @Test
  void partsMakeAWhole() throws IOException {
    int height = 4003;
    int width = 5001;
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_BYTE_GRAY);
    int[] row = new int[width];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        row[x] = (x / 40 + y / 16) % 256;
      }
      image.getRaster().setSamples(0, y, width, 1, 0, row);
    }
    RgbPicture picture = Pictures.decode(write(image, "png"), true);
    assertThat(picture.height()).isEqualTo(1335);
    assertThat(picture.width()).isEqualTo(1667);
    for (int y = 0; y < 1335; y++) {
      for (int x = 0; x < 1667; x++) {
        int sum = 0;
        int count = 0;
        for (int sy = 3 * y; sy < Math.min(height, 3 * y + 3); sy++) {
          for (int sx = 3 * x; sx < Math.min(width, 3 * x + 3); sx++) {
            sum += (sx / 40 + sy / 16) % 256;
            count++;
          }
        }
        int mean = (sum + count / 2) / count;
        if ((picture.rgb()[3 * (y * 1667 + x) + 1] & 0xFF) != mean) {
          assertThat(picture.rgb()[3 * (y * 1667 + x) + 1] & 0xFF)
              .as("row %d, column %d", y, x)
              .isEqualTo(mean);
        }
      }
    }
  }

  private static byte[] write(BufferedImage image, String format) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    assertThat(ImageIO.write(image, format, bytes)).isTrue();
    return bytes.toByteArray();
  }
}
