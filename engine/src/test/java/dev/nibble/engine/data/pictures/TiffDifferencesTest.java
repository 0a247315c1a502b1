package dev.nibble.engine.data.pictures;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.Deflater;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Samples of 16 bits that are stored as differences, as most programs write them with LZW or ZIP.
 */
class TiffDifferencesTest {
  private static final int ZIP = 8;
  private static final int NONE = 1;
  private static final int TILE = 16;

  /** Rows of {@code width} pixels, of {@code bands} samples, stored in one strip or in tiles. */
  private static byte[] file(
      ByteOrder order, int compression, int photometric, int bands, int width, byte[]... parts) {
    boolean tiled = parts.length > 1;
    List<int[]> tags = new ArrayList<>();
    int directory = 512;
    ByteBuffer out = ByteBuffer.allocate(8192).order(order);
    int at = directory + 256;
    int[] offsets = new int[parts.length];
    for (int i = 0; i < parts.length; i++) {
      offsets[i] = at;
      out.position(at).put(parts[i]);
      at += parts[i].length;
    }
    int length = at;
    int offset = offsets[0];
    int bytes = parts[0].length;
    if (tiled) {
      offset = 16;
      bytes = 64;
      for (int i = 0; i < parts.length; i++) {
        out.putInt(offset + 4 * i, offsets[i]).putInt(bytes + 4 * i, parts[i].length);
      }
    }
    for (int i = 0; i < 3; i++) {
      out.putShort(128 + 2 * i, (short) 16);
    }
    tags.add(new int[] {256, 3, 1, width});
    tags.add(new int[] {257, 3, 1, tiled ? TILE : 1});
    tags.add(new int[] {258, 3, bands, bands == 1 ? 16 : 128});
    tags.add(new int[] {259, 3, 1, compression});
    tags.add(new int[] {262, 3, 1, photometric});
    if (!tiled) {
      tags.add(new int[] {273, 4, 1, offset});
    }
    tags.add(new int[] {277, 3, 1, bands});
    if (!tiled) {
      tags.add(new int[] {278, 3, 1, 1});
      tags.add(new int[] {279, 4, 1, bytes});
    }
    tags.add(new int[] {317, 3, 1, 2});
    if (tiled) {
      tags.add(new int[] {322, 3, 1, TILE});
      tags.add(new int[] {323, 3, 1, TILE});
      tags.add(new int[] {324, 4, parts.length, offset});
      tags.add(new int[] {325, 4, parts.length, bytes});
    }
    out.position(0);
    out.put((byte) (order == ByteOrder.BIG_ENDIAN ? 'M' : 'I'));
    out.put(out.get(0)).putShort((short) 42).putInt(directory);
    out.position(directory);
    out.putShort((short) tags.size());
    for (int[] tag : tags) {
      out.putShort((short) tag[0]).putShort((short) tag[1]).putInt(tag[2]);
      if (tag[1] == 3 && tag[2] == 1) {
        out.putShort((short) tag[3]).putShort((short) 0);
      } else {
        out.putInt(tag[3]);
      }
    }
    return Arrays.copyOf(out.array(), length);
  }

  private static byte[] words(ByteOrder order, int... samples) {
    ByteBuffer bytes = ByteBuffer.allocate(2 * samples.length).order(order);
    for (int sample : samples) {
      bytes.putShort((short) sample);
    }
    return bytes.array();
  }

  private static byte[] zip(byte[] bytes) {
    byte[] out = new byte[bytes.length + 100];
    try (Deflater deflater = new Deflater()) {
      deflater.setInput(bytes);
      deflater.finish();
      return Arrays.copyOf(out, deflater.deflate(out));
    }
  }

  private static int[] values(byte[] file) throws IOException {
    Pictures.check(ByteSource.of(file));
    byte[] rgb = Pictures.decode(file, true).rgb();
    int[] values = new int[rgb.length];
    for (int i = 0; i < rgb.length; i++) {
      values[i] = rgb[i] & 0xFF;
    }
    return values;
  }

  @ParameterizedTest
  @ValueSource(strings = {"LITTLE_ENDIAN", "BIG_ENDIAN"})
  void areAddedUpChannelByChannel(String name) throws IOException {
    ByteOrder order = name.startsWith("B") ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
    // 0x1000 0x2000 0x30FF, then 0x1101 0x1F00 0x3100, then 0x0001 0xFF00 0x3100.
    byte[] row =
        words(order, 0x1000, 0x2000, 0x30FF, 0x101, -0x100, 1, -0x1100, 0xFF00 - 0x1F00, 0);
    assertThat(values(file(order, ZIP, 2, 3, 3, zip(row))))
        .containsExactly(0x10, 0x20, 0x30, 0x11, 0x1F, 0x31, 0, 0xFF, 0x31);
  }

  @Test
  void areThoseOfWhatIsStoredWhereWhiteIsZero() throws IOException {
    byte[] row = words(ByteOrder.LITTLE_ENDIAN, 0x1000, 0x100);
    assertThat(values(file(ByteOrder.LITTLE_ENDIAN, ZIP, 0, 1, 2, zip(row))))
        .containsExactly(0xEF, 0xEF, 0xEF, 0xEE, 0xEE, 0xEE);
  }

  @Test
  void startAnewInEveryTile() throws IOException {
    int[] differences = new int[TILE * TILE];
    for (int y = 0; y < TILE; y++) {
      differences[TILE * y] = 0x100 * y;
      Arrays.fill(differences, TILE * y + 1, TILE * (y + 1), 0x100);
    }
    byte[] tile = zip(words(ByteOrder.LITTLE_ENDIAN, differences));
    int[] values = values(file(ByteOrder.LITTLE_ENDIAN, ZIP, 1, 1, 20, tile, tile));
    for (int y = 0; y < TILE; y++) {
      for (int x = 0; x < 20; x++) {
        assertThat(values[3 * (20 * y + x)]).isEqualTo(y + x % TILE);
      }
    }
  }

  /** The tag speaks of compressed samples only, as other readers have it. */
  @Test
  void areNoneWithoutCompression() throws IOException {
    byte[] row = words(ByteOrder.LITTLE_ENDIAN, 0x1000, 0x100, 0x7000);
    assertThat(values(file(ByteOrder.LITTLE_ENDIAN, NONE, 1, 1, 3, row)))
        .containsExactly(0x10, 0x10, 0x10, 1, 1, 1, 0x70, 0x70, 0x70);
  }
}
