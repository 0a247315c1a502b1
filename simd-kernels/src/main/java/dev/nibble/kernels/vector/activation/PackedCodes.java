package dev.nibble.kernels.vector.activation;

import static dev.nibble.kernels.vector.activation.CodeVectors.INTS;
import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import dev.nibble.kernels.Codec;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * How codes lie in bytes, a class for each way: from bytes to a column in scratch, a vector of
 * channels a pixel, and back.
 *
 * <p>They are called through this interface, by {@link CodeColumns}, so that each is compiled by
 * itself: inlined into one method, they exceed what C2 inlines of the Vector API, and vectors
 * become objects.
 */
interface PackedCodes {
  /**
   * Writes the places ({@link Codec#place}) of whole groups.
   *
   * @param from offset of the first group, of the vector's first channel
   * @param to index of the first pixel's vector
   */
  void places(
      Codec codec,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int to);

  /**
   * Packs whole groups of codes, in the bits of floats.
   *
   * @param from index of the first pixel's vector
   * @param copy offset of the first group, of the vector's first channel
   */
  void pack(
      Codec codec,
      int channels,
      int groups,
      float[] scratch,
      int from,
      MemorySegment store,
      long copy);

  /** A code a byte. */
  final class Ones implements PackedCodes {
    @Override
    public void places(
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

    @Override
    public void pack(
        Codec codec,
        int channels,
        int groups,
        float[] scratch,
        int from,
        MemorySegment store,
        long copy) {
      for (int g = 0; g < groups; g++) {
        IntVector code =
            FloatVector.fromArray(FLOATS, scratch, from + g * LANES).reinterpretAsInts();
        CodeVectors.store(code, store, copy + (long) g * channels);
      }
    }
  }

  /** Two codes a byte. */
  final class Twos implements PackedCodes {
    @Override
    public void places(
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

    @Override
    public void pack(
        Codec codec,
        int channels,
        int groups,
        float[] scratch,
        int from,
        MemorySegment store,
        long copy) {
      for (int g = 0; g < groups; g++) {
        int at = from + 2 * g * LANES;
        IntVector low = FloatVector.fromArray(FLOATS, scratch, at).reinterpretAsInts();
        IntVector high = FloatVector.fromArray(FLOATS, scratch, at + LANES).reinterpretAsInts();
        IntVector bytes = low.or(high.lanewise(VectorOperators.LSHL, 4));
        CodeVectors.store(bytes, store, copy + (long) g * channels);
      }
    }
  }

  /** Four codes a byte. */
  final class Fours implements PackedCodes {
    @Override
    public void places(
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

    @Override
    public void pack(
        Codec codec,
        int channels,
        int groups,
        float[] scratch,
        int from,
        MemorySegment store,
        long copy) {
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
  }

  /** Eight codes in three bytes. */
  final class Threes implements PackedCodes {
    @Override
    public void places(
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

    @Override
    public void pack(
        Codec codec,
        int channels,
        int groups,
        float[] scratch,
        int from,
        MemorySegment store,
        long copy) {
      for (int g = 0; g < groups; g++) {
        int at = from + 8 * g * LANES;
        long to = copy + 3L * g * channels;
        IntVector word = FloatVector.fromArray(FLOATS, scratch, at + 7 * LANES).reinterpretAsInts();
        for (int j = 6; j >= 0; j--) {
          IntVector code =
              FloatVector.fromArray(FLOATS, scratch, at + j * LANES).reinterpretAsInts();
          word = word.lanewise(VectorOperators.LSHL, 3).or(code);
        }
        CodeVectors.store(word, store, to);
        CodeVectors.store(word.lanewise(VectorOperators.LSHR, 8), store, to + channels);
        CodeVectors.store(word.lanewise(VectorOperators.LSHR, 16), store, to + 2L * channels);
      }
    }
  }

  /** Five codes of three a byte. */
  final class Fives implements PackedCodes {
    @Override
    public void places(
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

    @Override
    public void pack(
        Codec codec,
        int channels,
        int groups,
        float[] scratch,
        int from,
        MemorySegment store,
        long copy) {
      for (int g = 0; g < groups; g++) {
        int at = from + 5 * g * LANES;
        IntVector word = FloatVector.fromArray(FLOATS, scratch, at).reinterpretAsInts();
        for (int j = 1; j < 5; j++) {
          IntVector code =
              FloatVector.fromArray(FLOATS, scratch, at + j * LANES).reinterpretAsInts();
          word = word.add(word).add(word).add(code);
        }
        // ceil(256 / 243 n) for n below 243: the factor is 256 / 243 in 2^16ths.
        IntVector bytes = word.mul(69_043).add(65_535).lanewise(VectorOperators.LSHR, 16);
        CodeVectors.store(bytes, store, copy + (long) g * channels);
      }
    }
  }
}
