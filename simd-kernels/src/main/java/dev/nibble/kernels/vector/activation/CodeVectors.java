package dev.nibble.kernels.vector.activation;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.nibble.kernels.Codec;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Bytes of codes as vectors of as many integers as there are floats in a vector: one byte vector of
 * that many lanes is widened or narrowed whole. Four bytes are no vector, but one int.
 */
public final class CodeVectors {
  /** Species of the codes. */
  public static final VectorSpecies<Integer> INTS = FLOATS.withLanes(int.class);

  private static final VectorSpecies<Byte> BYTES =
      LANES == 16 ? ByteVector.SPECIES_128 : ByteVector.SPECIES_64;
  private static final ValueLayout.OfInt FOUR_BYTES =
      JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final IntVector BYTE_SHIFTS = IntVector.zero(INTS).addIndex(8);

  private CodeVectors() {}

  /** Codes as the floats in the middle of their ranges ({@link Codec#place}). */
  static FloatVector places(IntVector codes, int shift, IntVector base) {
    return codes.lanewise(VectorOperators.LSHL, shift).add(base).reinterpretAsFloats();
  }

  /** LANES bytes from an offset, zero-extended. */
  public static IntVector load(MemorySegment store, long offset) {
    if (LANES == 4) {
      return IntVector.broadcast(INTS, store.get(FOUR_BYTES, offset))
          .lanewise(VectorOperators.LSHR, BYTE_SHIFTS)
          .and(0xFF);
    }
    return (IntVector)
        ByteVector.fromMemorySegment(BYTES, store, offset, ByteOrder.nativeOrder())
            .convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
  }

  /** The lowest bytes of LANES integers to an offset. */
  public static void store(IntVector bytes, MemorySegment store, long offset) {
    if (LANES == 4) {
      store.set(
          FOUR_BYTES,
          offset,
          bytes
              .and(0xFF)
              .lanewise(VectorOperators.LSHL, BYTE_SHIFTS)
              .reduceLanes(VectorOperators.OR));
    } else {
      ((ByteVector) bytes.convertShape(VectorOperators.I2B, BYTES, 0))
          .intoMemorySegment(store, offset, ByteOrder.nativeOrder());
    }
  }
}
