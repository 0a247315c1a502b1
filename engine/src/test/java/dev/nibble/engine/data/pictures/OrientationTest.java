package dev.nibble.engine.data.pictures;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OrientationTest {
  /**
   * Stored: 1 2 3 above 4 5 6. What each value of the tag shows is drawn in EXIF's specification.
   */
  @ParameterizedTest
  @CsvSource({
    "1, 123 456",
    "2, 321 654",
    "3, 654 321",
    "4, 456 123",
    "5, 14 25 36",
    "6, 41 52 63",
    "7, 63 52 41",
    "8, 36 25 14",
    "0, 123 456",
    "9, 123 456",
    "65535, 123 456"
  })
  void turnsPicturesAsTheyAreSeen(int value, String expected) {
    byte[] rgb = new byte[18];
    for (int i = 0; i < 18; i++) {
      rgb[i] = (byte) (i / 3 + 1);
    }
    RgbPicture seen = Orientation.of(value).apply(new RgbPicture(2, 3, rgb));
    StringBuilder text = new StringBuilder();
    for (int y = 0; y < seen.height(); y++) {
      text.append(y == 0 ? "" : " ");
      for (int x = 0; x < seen.width(); x++) {
        int at = 3 * (y * seen.width() + x);
        assertThat(seen.rgb()[at]).isEqualTo(seen.rgb()[at + 1]).isEqualTo(seen.rgb()[at + 2]);
        text.append(seen.rgb()[at]);
      }
    }
    assertThat(text).hasToString(expected);
    assertThat(Orientation.of(value).swapsSides()).isEqualTo(seen.width() == 2);
  }

  @ParameterizedTest
  @CsvSource({
    "49492A000800000001001201030001000000060000000000, 6", // little-endian
    "4D4D002A00000008000101120003000000010006000000000000, 6", // big-endian
    "4D4D002A00000008000201000003000000010007000001120004000000010000000300000000, 3", // as a long
    "4D4D002A00000008000101120002000000010006000000000000, 1", // as a text: nothing
    "4D4D002A0000FFFF00010112000300000001000600000000, 1", // beyond the end
    "58584D4D, 1"
  })
  void isReadFromExifData(String tiff, int expected) throws IOException {
    String marker = "FFE1%04X457869660000%s".formatted(8 + tiff.length() / 2, tiff);
    byte[] file = FlatJpeg.of("01", marker, 76);
    assertThat(PictureHeader.read(ByteSource.of(file)).orientation())
        .isEqualTo(Orientation.of(expected));
  }

  @Test
  void canBeIgnored() throws IOException {
    String exif = "4D4D002A00000008000101120003000000010006000000000000";
    String marker = "FFE1%04X457869660000%s".formatted(8 + exif.length() / 2, exif);
    byte[] file = FlatJpeg.of("01", marker, 76);
    // Rows that are not asked for: the file says 16 of them, and now 8.
    for (int i = 0; i + 6 < file.length; i++) {
      if (file[i] == (byte) 0xFF && file[i + 1] == (byte) 0xC0) {
        file[i + 6] = 8;
      }
    }
    assertThat(Pictures.size(ByteSource.of(file), true)).containsExactly(16, 8);
    assertThat(Pictures.size(ByteSource.of(file), false)).containsExactly(8, 16);
    assertThat(Pictures.decode(file, true).width()).isEqualTo(8);
    assertThat(Pictures.decode(file, false).width()).isEqualTo(16);
  }
}
