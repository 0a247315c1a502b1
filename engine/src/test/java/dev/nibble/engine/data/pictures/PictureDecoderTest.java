package dev.nibble.engine.data.pictures;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataFixtures;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.random.SplitMix64;
import dev.nibble.engine.data.sources.PictureFiles;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PictureDecoderTest {
  @TempDir Path folder;

  @Test
  void keepsGreyLevelsAsTheyAre() throws IOException {
    BufferedImage image = new BufferedImage(3, 1, BufferedImage.TYPE_BYTE_GRAY);
    int[] levels = {0, 100, 255};
    image.getRaster().setSamples(0, 0, 3, 1, 0, levels);
    Path path = folder.resolve("grey.png");
    DataFixtures.write(image, path);
    assertThat(PictureDecoder.decode(path, true).rgb())
        .containsExactly(0, 0, 0, 100, 100, 100, 255, 255, 255);
  }

  @Test
  void scalesOneBitAndSixteenBitGrey() throws IOException {
    BufferedImage bits = new BufferedImage(2, 1, BufferedImage.TYPE_BYTE_BINARY);
    bits.setRGB(1, 0, 0xFFFFFF);
    DataFixtures.write(bits, folder.resolve("bits.png"));
    assertThat(PictureDecoder.decode(folder.resolve("bits.png"), true).rgb())
        .containsExactly(0, 0, 0, 255, 255, 255);
    BufferedImage deep = new BufferedImage(1, 1, BufferedImage.TYPE_USHORT_GRAY);
    deep.getRaster().setSample(0, 0, 0, 0x8000);
    DataFixtures.write(deep, folder.resolve("deep.png"));
    assertThat(PictureDecoder.decode(folder.resolve("deep.png"), true).rgb())
        .containsExactly(128, 128, 128);
  }

  @Test
  void dropsTransparency() throws IOException {
    BufferedImage image = new BufferedImage(1, 1, BufferedImage.TYPE_INT_ARGB);
    image.setRGB(0, 0, 0x40102030);
    DataFixtures.write(image, folder.resolve("alpha.png"));
    assertThat(PictureDecoder.decode(folder.resolve("alpha.png"), true).rgb())
        .containsExactly(0x10, 0x20, 0x30);
  }

  @Test
  void rejectsACutJpegAndACutPng() throws IOException {
    BufferedImage image = new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 64 * 64; i++) {
      image.setRGB(i % 64, i / 64, (int) SplitMix64.at(1, i));
    }
    for (String name : new String[] {"cut.jpg", "cut.png"}) {
      Path path = folder.resolve(name);
      DataFixtures.write(image, path);
      assertThat(PictureDecoder.decode(path, true).height()).isEqualTo(64);
      DataFixtures.cut(path, Files.size(path) / 2);
      assertThatThrownBy(() -> PictureDecoder.decode(path, true))
          .isInstanceOf(DataException.class)
          .hasMessageContaining(name);
    }
  }

  @Test
  void refusesAbsurdDimensionsBeforeDecoding() throws IOException {
    Path path = folder.resolve("huge.png");
    Files.write(path, pngHeader(20_000, 16_000));
    assertThatThrownBy(() -> PictureDecoder.decode(path, true))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("huge.png")
        .hasMessageContaining("16000x20000 pixels are more than 100 megapixels");
  }

  @Test
  void decodesLargePicturesAtAFraction() throws IOException {
    Path path = folder.resolve("large.png");
    DataFixtures.picture(path, 2500, 2500, 0x112233);
    RgbPicture picture = PictureDecoder.decode(path, true);
    assertThat(picture.height()).isEqualTo(1250);
    assertThat(picture.rgb()).startsWith(0x11, 0x22, 0x33).endsWith(0x11, 0x22, 0x33);
    assertThat(PictureDecoder.size(path, true)).isEqualTo(new PictureSize(2500, 2500));
  }

  @Test
  void shrinkingAveragesAndEnlargingInterpolates() {
    byte[] stripes = new byte[8 * 8 * 3];
    for (int i = 0; i < 64; i++) {
      Arrays.fill(stripes, 3 * i, 3 * i + 3, (byte) (i % 2 == 0 ? 200 : 100));
    }
    RgbPicture picture = new RgbPicture(8, 8, stripes);
    byte[] small = PictureResizer.resize(picture, new PictureSize(2, 2));
    for (byte value : small) {
      assertThat(value & 0xFF).isBetween(140, 160);
    }
    RgbPicture pair = new RgbPicture(1, 2, new byte[] {0, 10, 20, 100, 110, 120});
    assertThat(PictureResizer.resize(pair, new PictureSize(1, 4)))
        .containsExactly(0, 10, 20, 25, 35, 45, 75, 85, 95, 100, 110, 120);
    assertThat(PictureResizer.resize(pair, new PictureSize(1, 2))).isEqualTo(pair.rgb());
  }

  @Test
  void readsSinglePicturesInColourAndGrey() throws IOException {
    Path path = folder.resolve("one.png");
    DataFixtures.picture(path, 5, 7, 0x0A6414);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment target = arena.allocate(13);
      PictureFiles.read(path, new PictureSize(2, 2), 3, target, 1);
      assertThat(target.toArray(JAVA_BYTE))
          .containsExactly(0, 10, 100, 20, 10, 100, 20, 10, 100, 20, 10, 100, 20);
      PictureFiles.read(path, new PictureSize(2, 2), 1, target, 0);
      // 0.299 x 10 + 0.587 x 100 + 0.114 x 20 = 63.97
      assertThat(target.asSlice(0, 4).toArray(JAVA_BYTE)).containsOnly(64);
      assertThatThrownBy(() -> PictureFiles.read(path, new PictureSize(3, 2), 3, target, 0))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> PictureFiles.read(path, new PictureSize(1, 1), 2, target, 0))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  /** A PNG file that ends after a sound header chunk. */
  private static byte[] pngHeader(int width, int height) {
    ByteBuffer buffer = ByteBuffer.allocate(33);
    buffer.putLong(0x89504E470D0A1A0AL).putInt(13).putInt(0x49484452);
    buffer.putInt(width).putInt(height).put(new byte[] {8, 2, 0, 0, 0});
    CRC32 crc = new CRC32();
    crc.update(buffer.array(), 12, 17);
    return buffer.putInt((int) crc.getValue()).array();
  }
}
