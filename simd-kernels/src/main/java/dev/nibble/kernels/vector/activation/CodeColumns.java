package dev.nibble.kernels.vector.activation;

import static dev.nibble.kernels.vector.base.Lanes.LANES;

import dev.nibble.kernels.Codec;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Codes of any codec between memory and a column in scratch, a vector of channels a pixel: so that
 * what is done with them takes one loop, and not one for each codec.
 */
final class CodeColumns {
  /** The most pixels of a column. */
  static final int PIXELS = 40;

  /** The most pixels of a group. */
  private static final int GROUP = 32;

  /** Floats of a column, with the rest of the groups in which it begins and ends. */
  static final int SIZE = (PIXELS + 2 * GROUP) * LANES;

  private static final PackedCodes ONES = new PackedCodes.Ones();
  private static final PackedCodes TWOS = new PackedCodes.Twos();
  private static final PackedCodes FOURS = new PackedCodes.Fours();
  private static final PackedCodes THREES = new PackedCodes.Threes();
  private static final PackedCodes FIVES = new PackedCodes.Fives();
  private static final PackedCodes SHARED = new SharedCodes();

  private CodeColumns() {}

  /** Pixels of a column of whole groups. */
  static int wholePixels(Codec codec) {
    return PIXELS - PIXELS % codec.pixelsPerGroup();
  }

  /**
   * Writes the places ({@link Codec#place}) of pixels {@code [first, first + pixels)}, at most
   * {@link #PIXELS}, and of the others of their groups.
   *
   * @param copy offset of the picture's first byte, of the vector's first channel
   * @param column index in scratch of {@link #SIZE} floats
   * @return index of the first pixel's vector
   */
  static int places(
      Codec codec,
      int channels,
      int first,
      int pixels,
      MemorySegment store,
      long copy,
      float[] scratch,
      int column) {
    int group = codec.pixelsPerGroup();
    int before = first % group;
    int groups = (before + pixels + group - 1) / group;
    long from = copy + (long) (first / group) * codec.bytesPerGroup() * channels;
    packed(codec).places(codec, channels, groups, store, from, scratch, column);
    return column + before * LANES;
  }

  private static PackedCodes packed(Codec codec) {
    if (codec.isShared()) {
      return SHARED;
    }
    return switch (codec.pixelsPerGroup()) {
      case 1 -> ONES;
      case 2 -> TWOS;
      case 4 -> FOURS;
      case 5 -> FIVES;
      default -> THREES;
    };
  }

  /**
   * Packs a column of codes, in the bits of its floats, into their groups; what a picture's last
   * group has no pixel for holds code 0.
   *
   * @param pixels how many, of which the first begins a group
   * @param copy offset of the first group, of the vector's first channel
   * @param column index of the first pixel's vector, with room for its last group
   */
  static void pack(
      Codec codec,
      int channels,
      int pixels,
      float[] scratch,
      int column,
      MemorySegment store,
      long copy) {
    int group = codec.pixelsPerGroup();
    int groups = (pixels + group - 1) / group;
    Arrays.fill(scratch, column + pixels * LANES, column + groups * group * LANES, 0f);
    packed(codec).pack(codec, channels, groups, scratch, column, store, copy);
  }
}
