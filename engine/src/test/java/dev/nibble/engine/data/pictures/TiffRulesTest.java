package dev.nibble.engine.data.pictures;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Colours of TIFF files that ImageIO alone would take for others. */
class TiffRulesTest {
  private static final int GREY = 1;
  private static final int RGB = 2;
  private static final int INKS = 5;
  private static final int LAB = 8;
  private static final int ASSOCIATED = 1;

  /** One uncompressed pixel, or so it says. */
  private static byte[] file(
      int compression, int photometric, int bits, int extra, int... samples) {
    int count = samples.length;
    int[][] tags = {
      {256, 1},
      {257, 1},
      {258, bits},
      {259, compression},
      {262, photometric},
      {273, 8},
      {277, count},
      {278, 1},
      {279, count * bits / 8},
      {338, extra}
    };
    ByteBuffer out = ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN);
    int directory = 64;
    out.put((byte) 'I').put((byte) 'I').putShort((short) 42).putInt(directory);
    for (int sample : samples) {
      if (bits == 8) {
        out.put((byte) sample);
      } else {
        out.putShort((short) sample);
      }
    }
    out.position(directory - 32);
    for (int i = 0; i < count; i++) {
      out.putShort((short) bits);
    }
    out.position(directory);
    int entries = extra < 0 ? tags.length - 1 : tags.length;
    out.putShort((short) entries);
    for (int[] tag : Arrays.copyOf(tags, entries)) {
      boolean isList = tag[0] == 258 && count > 1;
      out.putShort((short) tag[0]).putShort((short) (tag[0] == 273 || tag[0] == 279 ? 4 : 3));
      out.putInt(tag[0] == 258 ? count : 1);
      out.putInt(isList && count > 2 ? directory - 32 : isList ? bits | bits << 16 : tag[1]);
    }
    out.putInt(0);
    return Arrays.copyOf(out.array(), out.position());
  }

  private static int[] pixel(byte[] file) throws IOException {
    byte[] rgb = Pictures.decode(file, true).rgb();
    return new int[] {rgb[0] & 0xFF, rgb[1] & 0xFF, rgb[2] & 0xFF};
  }

  @Test
  void inksOfSixteenBitsAreInks() throws IOException {
    int[] eight = pixel(file(1, INKS, 8, -1, 178, 227, 235, 0));
    assertThat(eight).containsExactly(77, 28, 20);
    assertThat(pixel(file(1, INKS, 16, -1, 178 * 257, 227 * 257, 235 * 257, 0))).isEqualTo(eight);
  }

  @Test
  void coloursMultipliedByTheirAlphaAreAsBrightAsBefore() throws IOException {
    assertThat(pixel(file(1, RGB, 8, ASSOCIATED, 50, 25, 10, 100))).containsExactly(127, 63, 25);
    assertThat(pixel(file(1, RGB, 8, ASSOCIATED, 50, 25, 10, 0))).containsExactly(0, 0, 0);
    assertThat(pixel(file(1, RGB, 8, 2, 50, 25, 10, 0))).containsExactly(50, 25, 10);
  }

  @Test
  void sixteenBitsAreTheirHighOnes() throws IOException {
    assertThat(pixel(file(1, GREY, 16, -1, 0x4DFF))).containsExactly(0x4D, 0x4D, 0x4D);
    assertThat(pixel(file(1, 0, 16, -1, 0x4DFF))).as("white is 0").containsExactly(178, 178, 178);
    assertThat(pixel(file(1, RGB, 16, -1, 0x10FF, 0x2000, 0xFF00))).containsExactly(16, 32, 255);
  }

  @Test
  void refusesWhatItWouldShowInOtherColours() {
    assertThatThrownBy(() -> pixel(file(1, LAB, 8, -1, 46, 151, 145)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("save it as RGB");
    assertThatThrownBy(() -> pixel(file(7, INKS, 8, -1, 1, 2, 3, 4)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("compressed as JPEG");
    assertThatThrownBy(() -> pixel(file(7, RGB, 8, 2, 1, 2, 3, 4)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("compressed as JPEG");
  }

  @Test
  void headersTellWhatIsNotDecoded() {
    assertThatThrownBy(() -> Pictures.check(ByteSource.of(file(1, LAB, 8, -1, 46, 151, 145))))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("L*a*b*");
    assertThatThrownBy(() -> Pictures.check(ByteSource.of(file(34925, RGB, 8, -1, 1, 2, 3))))
        .isInstanceOf(IOException.class)
        .hasMessage("its compression, LZMA, is not supported: save it with LZW");
    assertThatThrownBy(() -> Pictures.check(ByteSource.of(file(50009, RGB, 8, -1, 1, 2, 3))))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("number 50009");
    assertThatThrownBy(() -> Pictures.check(ByteSource.of(file(1, GREY, 32, -1, 1, 2))))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("more than 16 bits");
  }

  @Test
  void relativesOfTheseKindsAreNamed() {
    byte[] big = file(1, RGB, 8, -1, 1, 2, 3);
    big[2] = 43;
    assertThatThrownBy(() -> Pictures.check(ByteSource.of(big)))
        .isInstanceOf(IOException.class)
        .hasMessageEndingWith("but BigTIFF");
    byte[] phone = "\0\0\0\30ftypheic\0\0\0\0mif1heic".getBytes(StandardCharsets.ISO_8859_1);
    assertThatThrownBy(() -> Pictures.check(ByteSource.of(phone)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("HEIC");
  }
}
