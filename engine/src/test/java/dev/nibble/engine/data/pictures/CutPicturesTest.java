package dev.nibble.engine.data.pictures;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that end too early are found without decoding them, before a training starts. */
class CutPicturesTest {
  private static byte[] picture(String format) throws IOException {
    BufferedImage image = new BufferedImage(37, 23, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < 23; y++) {
      for (int x = 0; x < 37; x++) {
        image.setRGB(x, y, 0x10203 * (x * y % 80));
      }
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    if (!ImageIO.write(image, format, out)) {
      throw new IOException("no writer of " + format);
    }
    return out.toByteArray();
  }

  @ParameterizedTest
  @ValueSource(strings = {"jpg", "png", "gif", "bmp", "tiff"})
  void areFoundWhereverTheyEnd(String format) throws IOException {
    byte[] whole = picture(format);
    Pictures.check(ByteSource.of(whole));
    Pictures.decode(whole, true);
    for (int length = whole.length / 8; length < whole.length - 4; length += 97) {
      byte[] cut = Arrays.copyOf(whole, length);
      assertThatThrownBy(() -> Pictures.check(ByteSource.of(cut)))
          .as("%s of %d bytes, cut to %d", format, whole.length, length)
          .isInstanceOf(IOException.class);
    }
  }

  /** The file's head says how long it is; the decoder, if there is one, is asked later. */
  @Test
  void areFoundOfWebpToo() throws IOException {
    byte[] head = "RIFF\20\0\0\0WEBPVP8L\4\0\0\0\57\0\0\0".getBytes(StandardCharsets.ISO_8859_1);
    WebpFile.checkEnd(ByteSource.of(head));
    byte[] cut = Arrays.copyOf(head, head.length - 1);
    assertThatThrownBy(() -> WebpFile.checkEnd(ByteSource.of(cut))).isInstanceOf(IOException.class);
  }
}
