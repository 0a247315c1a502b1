package dev.nibble.engine.data.pictures;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.Resizing;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The centre of a picture is what torchvision's Resize(32) and CenterCrop(28) make of it. */
class CenterCropTest {
  private static final int SIDE = 28;
  private static final int STEP = 37;

  private static RgbPicture picture(int height, int width) {
    byte[] rgb = new byte[height * width * 3];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int at = (y * width + x) * 3;
        rgb[at] = (byte) (x * 7 + y * 3);
        rgb[at + 1] = (byte) ((x * x + y * y * 5) % 251);
        rgb[at + 2] = (byte) (x * 13 ^ y * 11);
      }
    }
    return new RgbPicture(height, width, rgb);
  }

  /** Every 37th byte, and the sum of all, by torchvision 0.28 on PIL's pictures. */
  @ParameterizedTest
  @CsvSource({
    "37, 50, 303430, 73 75 226 149 198 241 227 73 34 46 161 156 155 149 206 233 160 64 52 113 115"
        + " 161 113 39",
    "300, 90, 298415, 124 121 56 53 129 104 236 120 89 168 122 193 67 82 116 146 114 163 183 134"
        + " 130 81 129 134",
    "28, 28, 303598, 17 164 39 75 186 106 132 106 146 190 153 49 79 50 10 137 83 239 194 64 101 84"
        + " 117 74",
    "61, 20, 326103, 71 62 51 112 117 196 153 140 130 195 187 165 115 50 45 157 118 114 198 174"
        + " 213 119 45 18"
  })
  void theCentreIsTorchvisions(int height, int width, int sum, String bytes) {
    PictureSize size = new PictureSize(SIDE, SIDE, Resizing.CENTER_CROP);
    byte[] centre = PictureResizer.resize(picture(height, width), size);
    assertThat(centre).hasSize(SIDE * SIDE * 3);
    int[] expected = Arrays.stream(bytes.split(" ", -1)).mapToInt(Integer::parseInt).toArray();
    int total = 0;
    for (byte value : centre) {
      total += value & 0xFF;
    }
    for (int i = 0; i < expected.length; i++) {
      // PIL rounds between its two passes.
      assertThat(centre[i * STEP] & 0xFF)
          .as("byte %d", i * STEP)
          .isBetween(expected[i] - 1, expected[i] + 1);
    }
    assertThat(total).isBetween(sum - centre.length / 10, sum + centre.length / 10);
  }

  @Test
  void neverFailsOnALongPicture() {
    PictureSize size = new PictureSize(7, 200, Resizing.CENTER_CROP);
    assertThat(PictureResizer.resize(picture(4000, 1), size)).hasSize(7 * 200 * 3);
    assertThat(PictureResizer.resize(picture(1, 4000), size)).hasSize(7 * 200 * 3);
  }
}
