package dev.nibble.kernels.vector.activation;

import static dev.nibble.kernels.vector.activation.CodeVectors.INTS;
import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import dev.nibble.kernels.Codec;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** A bit for each of eight pixels in a byte, and their level in two bits of a group's last byte. */
final class SharedCodes implements PackedCodes {
  private static final int OCTETS = 4;

  @Override
  public void places(
      Codec codec,
      int channels,
      int groups,
      MemorySegment store,
      long from,
      float[] scratch,
      int to) {
    int step = codec.levelStep();
    IntVector zero = IntVector.broadcast(INTS, codec.placeBits());
    IntVector least = IntVector.broadcast(INTS, codec.levelBits() - codec.placeBits());
    for (int g = 0; g < groups; g++) {
      long group = from + (long) g * codec.bytesPerGroup() * channels;
      IntVector levels = CodeVectors.load(store, group + (long) OCTETS * channels);
      for (int octet = 0; octet < OCTETS; octet++) {
        int at = to + (g * OCTETS + octet) * Codec.SHARING * LANES;
        IntVector upper = levels.and(3).mul(step).add(least);
        levels = levels.lanewise(VectorOperators.LSHR, 2);
        IntVector bits = CodeVectors.load(store, group + (long) octet * channels);
        for (int j = 0; j < Codec.SHARING; j++) {
          // All bits of 0 - 1 are set.
          upper
              .and(bits.and(1).neg())
              .add(zero)
              .reinterpretAsFloats()
              .intoArray(scratch, at + j * LANES);
          bits = bits.lanewise(VectorOperators.LSHR, 1);
        }
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
    int bound = codec.firstBound();
    int next = codec.boundStep();
    for (int g = 0; g < groups; g++) {
      long group = copy + (long) g * codec.bytesPerGroup() * channels;
      IntVector levels = IntVector.zero(INTS);
      for (int octet = OCTETS - 1; octet >= 0; octet--) {
        int at = from + (g * OCTETS + octet) * Codec.SHARING * LANES;
        IntVector bits = IntVector.zero(INTS);
        IntVector count = IntVector.zero(INTS);
        IntVector sum = IntVector.zero(INTS);
        for (int j = Codec.SHARING - 1; j >= 0; j--) {
          IntVector code =
              FloatVector.fromArray(FLOATS, scratch, at + j * LANES).reinterpretAsInts();
          IntVector bit = code.min(1);
          bits = bits.add(bits).or(bit);
          count = count.add(bit);
          sum = sum.add(code);
        }
        CodeVectors.store(bits, store, group + (long) octet * channels);
        levels = levels.lanewise(VectorOperators.LSHL, 2).add(levels(count, sum, bound, next));
      }
      CodeVectors.store(levels, store, group + (long) OCTETS * channels);
    }
  }

  /** How many of the bounds the mean lies above; a difference below 0 has its highest bit set. */
  private static IntVector levels(IntVector count, IntVector sum, int bound, int next) {
    IntVector first = count.mul(bound).sub(sum.add(sum));
    IntVector step = count.mul(next);
    IntVector second = first.add(step);
    IntVector third = second.add(step);
    return first
        .lanewise(VectorOperators.LSHR, 31)
        .add(second.lanewise(VectorOperators.LSHR, 31))
        .add(third.lanewise(VectorOperators.LSHR, 31));
  }
}
