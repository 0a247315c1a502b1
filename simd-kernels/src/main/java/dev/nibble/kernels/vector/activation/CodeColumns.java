package dev.nibble.kernels.vector.activation;

import static dev.nibble.kernels.vector.activation.CodeVectors.INTS;
import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import dev.nibble.kernels.Codec;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Codes of any codec between memory and a column in scratch, a vector of channels a pixel: so that
 * what is done with them takes one loop, and not one for each codec.
 */
final class CodeColumns {
  /** Pixels of a column: whole groups of every codec. */
  static final int PIXELS = 40;

  /** The most pixels of a group. */
  private static final int GROUP = 8;

  /** Floats of a column, with the rest of the groups in which it begins and ends. */
  static final int SIZE = (PIXELS + 2 * GROUP) * LANES;

  private CodeColumns() {}

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
    if (codec.isTernary()) {
      ternary(codec, channels, groups, store, from, scratch, column);
    } else if (group == 1) {
      ones(codec, channels, groups, store, from, scratch, column);
    } else if (group == 2) {
      twos(codec, channels, groups, store, from, scratch, column);
    } else if (codec.bytesPerGroup() == 3) {
      threeBytes(codec, channels, groups, store, from, scratch, column);
    } else {
      aByte(codec, channels, groups, store, from, scratch, column);
    }
    return column + before * LANES;
  }

  private static void ones(
      Codec codec,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int to) {
    IntVector base = IntVector.broadcast(INTS, codec.placeBits());
    int shift = codec.shift();
    for (int g = 0; g < groups; g++) {
      CodeVectors.places(CodeVectors.load(store, from + (long) g * channels), shift, base)
          .intoArray(scratch, to + g * LANES);
    }
  }

  private static void twos(
      Codec codec,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int to) {
    IntVector base = IntVector.broadcast(INTS, codec.placeBits());
    int shift = codec.shift();
    for (int g = 0; g < groups; g++) {
      IntVector codes = CodeVectors.load(store, from + (long) g * channels);
      int at = to + 2 * g * LANES;
      CodeVectors.places(codes.and(15), shift, base).intoArray(scratch, at);
      CodeVectors.places(codes.lanewise(VectorOperators.LSHR, 4), shift, base)
          .intoArray(scratch, at + LANES);
    }
  }

  /** Groups of a byte, four or eight codes. */
  private static void aByte(
      Codec codec,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int to) {
    IntVector base = IntVector.broadcast(INTS, codec.placeBits());
    IntVector mask = IntVector.broadcast(INTS, codec.codes() - 1);
    int shift = codec.shift();
    int bits = codec.bits();
    int group = codec.pixelsPerGroup();
    for (int g = 0; g < groups; g++) {
      IntVector word = CodeVectors.load(store, from + (long) g * channels);
      int at = to + g * group * LANES;
      for (int j = 0; j < group; j++) {
        CodeVectors.places(word.and(mask), shift, base).intoArray(scratch, at + j * LANES);
        word = word.lanewise(VectorOperators.LSHR, bits);
      }
    }
  }

  private static void threeBytes(
      Codec codec,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int to) {
    IntVector base = IntVector.broadcast(INTS, codec.placeBits());
    IntVector mask = IntVector.broadcast(INTS, codec.codes() - 1);
    int shift = codec.shift();
    int bits = codec.bits();
    int group = codec.pixelsPerGroup();
    for (int g = 0; g < groups; g++) {
      long in = from + 3L * g * channels;
      IntVector second = CodeVectors.load(store, in + channels);
      IntVector third = CodeVectors.load(store, in + 2L * channels);
      IntVector word =
          CodeVectors.load(store, in)
              .or(second.lanewise(VectorOperators.LSHL, 8))
              .or(third.lanewise(VectorOperators.LSHL, 16));
      int at = to + g * group * LANES;
      for (int j = 0; j < group; j++) {
        CodeVectors.places(word.and(mask), shift, base).intoArray(scratch, at + j * LANES);
        word = word.lanewise(VectorOperators.LSHR, bits);
      }
    }
  }

  private static void ternary(
      Codec codec,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int to) {
    IntVector base = IntVector.broadcast(INTS, codec.placeBits());
    int shift = codec.shift();
    int group = codec.pixelsPerGroup();
    for (int g = 0; g < groups; g++) {
      IntVector word = CodeVectors.load(store, from + (long) g * channels);
      int at = to + g * group * LANES;
      for (int j = 0; j < group; j++) {
        IntVector digits = word.add(word).add(word);
        CodeVectors.places(digits.lanewise(VectorOperators.LSHR, 8), shift, base)
            .intoArray(scratch, at + j * LANES);
        word = digits.and(255);
      }
    }
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
    if (codec.isTernary()) {
      packTernary(channels, groups, scratch, column, store, copy);
    } else if (group == 1) {
      packOnes(channels, groups, scratch, column, store, copy);
    } else if (group == 2) {
      packTwos(channels, groups, scratch, column, store, copy);
    } else if (group == 4) {
      packFours(channels, groups, scratch, column, store, copy);
    } else if (codec.bytesPerGroup() == 1) {
      packBits(channels, groups, scratch, column, store, copy);
    } else {
      packThrees(channels, groups, scratch, column, store, copy);
    }
  }

  private static void packOnes(
      int channels, int groups, float[] scratch, int from, MemorySegment store, long copy) {
    for (int g = 0; g < groups; g++) {
      IntVector code = FloatVector.fromArray(FLOATS, scratch, from + g * LANES).reinterpretAsInts();
      CodeVectors.store(code, store, copy + (long) g * channels);
    }
  }

  private static void packTwos(
      int channels, int groups, float[] scratch, int from, MemorySegment store, long copy) {
    for (int g = 0; g < groups; g++) {
      int at = from + 2 * g * LANES;
      IntVector low = FloatVector.fromArray(FLOATS, scratch, at).reinterpretAsInts();
      IntVector high = FloatVector.fromArray(FLOATS, scratch, at + LANES).reinterpretAsInts();
      IntVector bytes = low.or(high.lanewise(VectorOperators.LSHL, 4));
      CodeVectors.store(bytes, store, copy + (long) g * channels);
    }
  }

  private static void packFours(
      int channels, int groups, float[] scratch, int from, MemorySegment store, long copy) {
    for (int g = 0; g < groups; g++) {
      int at = from + 4 * g * LANES;
      IntVector c0 = FloatVector.fromArray(FLOATS, scratch, at).reinterpretAsInts();
      IntVector c1 = FloatVector.fromArray(FLOATS, scratch, at + LANES).reinterpretAsInts();
      IntVector c2 = FloatVector.fromArray(FLOATS, scratch, at + 2 * LANES).reinterpretAsInts();
      IntVector c3 = FloatVector.fromArray(FLOATS, scratch, at + 3 * LANES).reinterpretAsInts();
      IntVector low = c0.or(c1.lanewise(VectorOperators.LSHL, 2));
      IntVector high = c2.or(c3.lanewise(VectorOperators.LSHL, 2));
      IntVector bytes = low.or(high.lanewise(VectorOperators.LSHL, 4));
      CodeVectors.store(bytes, store, copy + (long) g * channels);
    }
  }

  private static void packBits(
      int channels, int groups, float[] scratch, int from, MemorySegment store, long copy) {
    for (int g = 0; g < groups; g++) {
      int at = from + 8 * g * LANES;
      IntVector word = FloatVector.fromArray(FLOATS, scratch, at + 7 * LANES).reinterpretAsInts();
      for (int j = 6; j >= 0; j--) {
        IntVector code = FloatVector.fromArray(FLOATS, scratch, at + j * LANES).reinterpretAsInts();
        word = word.add(word).or(code);
      }
      CodeVectors.store(word, store, copy + (long) g * channels);
    }
  }

  private static void packThrees(
      int channels, int groups, float[] scratch, int from, MemorySegment store, long copy) {
    for (int g = 0; g < groups; g++) {
      int at = from + 8 * g * LANES;
      long to = copy + 3L * g * channels;
      IntVector word = FloatVector.fromArray(FLOATS, scratch, at + 7 * LANES).reinterpretAsInts();
      for (int j = 6; j >= 0; j--) {
        IntVector code = FloatVector.fromArray(FLOATS, scratch, at + j * LANES).reinterpretAsInts();
        word = word.lanewise(VectorOperators.LSHL, 3).or(code);
      }
      CodeVectors.store(word, store, to);
      CodeVectors.store(word.lanewise(VectorOperators.LSHR, 8), store, to + channels);
      CodeVectors.store(word.lanewise(VectorOperators.LSHR, 16), store, to + 2L * channels);
    }
  }

  private static void packTernary(
      int channels, int groups, float[] scratch, int from, MemorySegment store, long copy) {
    for (int g = 0; g < groups; g++) {
      int at = from + 5 * g * LANES;
      IntVector word = FloatVector.fromArray(FLOATS, scratch, at).reinterpretAsInts();
      for (int j = 1; j < 5; j++) {
        IntVector code = FloatVector.fromArray(FLOATS, scratch, at + j * LANES).reinterpretAsInts();
        word = word.add(word).add(word).add(code);
      }
      // ceil(256 / 243 n) for n below 243: the factor is 256 / 243 in 2^16ths.
      IntVector bytes = word.mul(69_043).add(65_535).lanewise(VectorOperators.LSHR, 16);
      CodeVectors.store(bytes, store, copy + (long) g * channels);
    }
  }
}
