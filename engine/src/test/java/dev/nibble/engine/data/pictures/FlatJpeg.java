package dev.nibble.engine.data.pictures;

import java.io.ByteArrayOutputStream;
import java.util.HexFormat;

/** Writes JPEG files of 16x16 pixels of one colour, with whatever markers and component numbers. */
final class FlatJpeg {
  private FlatJpeg() {}

  /**
   * A baseline file, without subsampling.
   *
   * @param ids the components' numbers, two hexadecimal digits each
   * @param markers what stands behind the start of the file, in hexadecimal digits
   * @param samples a value a component, 0 to 255
   */
  static byte[] of(String ids, String markers, int... samples) {
    StringBuilder hex = new StringBuilder("FFD8").append(markers);
    // Quantisation by 1: a block's mean is its first coefficient over 8.
    hex.append("FFDB004300").append("01".repeat(64));
    int count = samples.length;
    hex.append("FFC0%04X0800100010%02X".formatted(8 + 3 * count, count));
    for (int i = 0; i < count; i++) {
      hex.append(ids, 2 * i, 2 * i + 2).append("1100");
    }
    // DC: twelve codes of four bits, for categories 0 to 11. AC: one code of one bit, end of block.
    hex.append("FFC4001F00").append("0000000C").append("00".repeat(12));
    hex.append("000102030405060708090A0B");
    hex.append("FFC4001410").append("01").append("00".repeat(15)).append("00");
    hex.append("FFDA%04X%02X".formatted(6 + 2 * count, count));
    for (int i = 0; i < count; i++) {
      hex.append(ids, 2 * i, 2 * i + 2).append("00");
    }
    hex.append("003F00").append(scan(samples)).append("FFD9");
    return HexFormat.of().parseHex(hex);
  }

  private static String scan(int[] samples) {
    StringBuilder bits = new StringBuilder();
    for (int block = 0; block < 4; block++) {
      for (int sample : samples) {
        int difference = block == 0 ? 8 * (sample - 128) : 0;
        int category = 32 - Integer.numberOfLeadingZeros(Math.abs(difference));
        bits.append(binary(category, 4));
        if (category > 0) {
          int value = difference > 0 ? difference : difference + (1 << category) - 1;
          bits.append(binary(value, category));
        }
        bits.append('0');
      }
    }
    while (bits.length() % 8 != 0) {
      bits.append('1');
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = 0; i < bits.length(); i += 8) {
      int value = Integer.parseInt(bits.substring(i, i + 8), 2);
      bytes.write(value);
      if (value == 0xFF) {
        bytes.write(0);
      }
    }
    return HexFormat.of().formatHex(bytes.toByteArray());
  }

  private static String binary(int value, int digits) {
    String text = Integer.toBinaryString(value | 1 << digits);
    return text.substring(1);
  }
}
