package dev.nibble.engine.data.pictures;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a JPEG file's samples mean, by libjpeg's rules. The files are made of a flat picture's,
 * whose samples are 76, 85 and 255: red if they are YCbCr.
 */
class JpegRulesTest {
  private static final String JFIF = "FFE000104A46494600010100000100010000";
  private static final String RED = "254 0 0";
  private static final String AS_THEY_ARE = "76 85 255";

  private static String adobe(int transform) {
    return "FFEE000E41646F6265006400000000%02X".formatted(transform);
  }

  private static String pixel(byte[] file) throws IOException {
    RgbPicture picture = Pictures.decode(file, true);
    byte[] rgb = picture.rgb();
    int last = rgb.length - 3;
    assertThat(List.of(rgb[last], rgb[last + 1], rgb[last + 2]))
        .isEqualTo(List.of(rgb[0], rgb[1], rgb[2]));
    return "%d %d %d".formatted(rgb[0] & 0xFF, rgb[1] & 0xFF, rgb[2] & 0xFF);
  }

  @ParameterizedTest(name = "{0} jfif {1} adobe {2}")
  @CsvSource({
    "010203, true, -1, " + RED,
    "010203, false, -1, " + RED,
    "000102, false, -1, " + RED, // ImageIO takes these for RGB
    "222324, false, -1, " + RED,
    "594363, false, -1, " + RED, // Java's own mark for YCC with alpha
    "524742, false, -1, " + AS_THEY_ARE,
    "524742, true, -1, " + RED, // JFIF is always YCbCr
    "010203, false, 0, " + AS_THEY_ARE,
    "010203, false, 1, " + RED,
    "010203, false, 7, " + RED,
    "524742, false, 1, " + RED, // Adobe's marker before the numbers
    "010203, true, 0, " + RED // and JFIF before Adobe's
  })
  void threeComponents(String ids, boolean jfif, int adobe, String expected) throws IOException {
    String markers = (jfif ? JFIF : "") + (adobe < 0 ? "" : adobe(adobe));
    assertThat(pixel(FlatJpeg.of(ids, markers, 76, 85, 255))).isEqualTo(expected);
    String swapped = (adobe < 0 ? "" : adobe(adobe)) + (jfif ? JFIF : "");
    assertThat(pixel(FlatJpeg.of(ids, swapped, 76, 85, 255))).isEqualTo(expected);
  }

  /**
   * Inks are stored inverted whether a marker says so or not: light is their product with black.
   */
  @ParameterizedTest
  @CsvSource({"-1, 100 50 200", "0, 100 50 200"})
  void fourComponentsAreInks(int adobe, String expected) throws IOException {
    String markers = adobe < 0 ? "" : adobe(adobe);
    assertThat(pixel(FlatJpeg.of("01020304", markers, 100, 50, 200, 255))).isEqualTo(expected);
    assertThat(pixel(FlatJpeg.of("01020304", JFIF + markers, 100, 50, 200, 0))).isEqualTo("0 0 0");
    // 200 * 51 / 255
    assertThat(pixel(FlatJpeg.of("01020304", markers, 200, 200, 200, 51))).isEqualTo("40 40 40");
  }

  @Test
  void fourComponentsWithAdobesTransformAreLumaOfInks() throws IOException {
    // YCCK: the complement of red is stored as the ink, inverted like the others.
    assertThat(pixel(FlatJpeg.of("01020304", adobe(2), 76, 85, 255, 255))).isEqualTo("1 255 255");
  }

  @Test
  void oneComponentIsGrey() throws IOException {
    assertThat(pixel(FlatJpeg.of("01", JFIF, 76))).isEqualTo("76 76 76");
    assertThat(pixel(FlatJpeg.of("01", adobe(0), 200))).isEqualTo("200 200 200");
  }

  /** A profile, a comment, or markers that are none change nothing. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "FFE2001A4943435F50524F46494C450001030102030405060708090A",
        "FFFE000568656C",
        "FFFFFFFFFE000568656C",
        "FFE000064A464946",
        "FFE1000A457869660000FFFF",
        "FFE1001045786966000049492A00FF000000"
      })
  void otherMarkersChangeNothing(String marker) throws IOException {
    assertThat(pixel(FlatJpeg.of("010203", JFIF + marker, 76, 85, 255))).isEqualTo(RED);
    assertThat(pixel(FlatJpeg.of("01", marker, 76))).isEqualTo("76 76 76");
  }

  @Test
  void whatIsBehindThePictureDoesNotMatterButItsEndDoes() throws IOException {
    byte[] file = FlatJpeg.of("010203", JFIF, 76, 85, 255);
    byte[] longer = Arrays.copyOf(file, file.length + 5000);
    assertThat(pixel(longer)).isEqualTo(RED);
    Pictures.check(ByteSource.of(longer));
    byte[] cut = Arrays.copyOf(file, file.length - 2);
    assertThatThrownBy(() -> Pictures.decode(cut, true))
        .isInstanceOf(IOException.class)
        .hasMessage(PictureReader.CUT);
    assertThatThrownBy(() -> Pictures.check(ByteSource.of(cut)))
        .isInstanceOf(IOException.class)
        .hasMessage(PictureReader.CUT);
  }

  @Test
  void scansWithoutEndAreRefused() {
    byte[] file = FlatJpeg.of("010203", JFIF, 76, 85, 255);
    assertThatThrownBy(() -> JpegFile.bare(file, 255, 256))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("more scans");
  }

  /** A header that is read is one that the decoder can follow: a folder's check tells in time. */
  @ParameterizedTest
  @CsvSource({
    "C9, 08, arithmetically",
    "CA, 08, arithmetically",
    "C3, 08, lossless",
    "C5, 08, hierarchical",
    "C1, 0C, 12 bits"
  })
  void codingsThatAreNotDecodedAreRefusedByTheirHeader(String code, String bits, String message) {
    String hex = HexFormat.of().withUpperCase().formatHex(FlatJpeg.of("01", JFIF, 76));
    byte[] file = HexFormat.of().parseHex(hex.replace("FFC0000B08", "FF" + code + "000B" + bits));
    assertThatThrownBy(() -> Pictures.check(ByteSource.of(file)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(message);
    assertThatThrownBy(() -> Pictures.decode(file, true))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(message);
  }
}
