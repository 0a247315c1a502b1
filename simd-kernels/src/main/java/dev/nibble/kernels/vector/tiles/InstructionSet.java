package dev.nibble.kernels.vector.tiles;

import dev.nibble.kernels.vector.base.Lanes;
import jdk.incubator.vector.FloatVector;

/**
 * The instruction sets that tiles are planned for, and what the tiles cost on each. AVX2 has 16
 * vector registers and the others 32, so a tile that is the best of one spills its sums on another:
 * its cost says so.
 *
 * <p>A cost is the time of one step of a tile's sum, in the time in which a core makes two products
 * of vectors at its peak: cycles where it has two units for them. Rows are widths in vectors,
 * columns heights; 0 where there is no such tile or it is not to be taken. {@code TileCosts} in the
 * tests measures and prints those costs.
 *
 * <p>The set is known from the architecture and the JVM's preferred vectors, which are 512 bits
 * long where AVX-512 is in use. So narrower vectors that {@link Lanes#BITS_PROPERTY} asks for are
 * known to have 32 registers there, too, and neither a list of processors nor the module {@code
 * java.management} is needed. Plans depend on nothing else, and the choice of algorithms follows
 * them: a machine's results are those of every machine of its set and width.
 */
enum InstructionSet {
  /** Measured on Zen 4, whole vectors of 512 bits; Intel's are taken to be alike. */
  AVX512 {
    @Override
    float panelCost(int vectors, int height) {
      return Costs.AVX512_PANEL[vectors][height];
    }

    @Override
    float pixelCost(int vectors, int height) {
      return Costs.AVX512_PIXEL[vectors][height];
    }
  },

  /** Measured on Zen 4 with {@code -XX:UseAVX=2}. */
  AVX2 {
    @Override
    float panelCost(int vectors, int height) {
      return Costs.AVX2_PANEL[vectors][height];
    }

    @Override
    float pixelCost(int vectors, int height) {
      return Costs.AVX2_PIXEL[vectors][height];
    }
  },

  /** Not measured on ARM: Zen 4 with 128 bits, of which it has 32 registers and two units, too. */
  NEON {
    @Override
    float panelCost(int vectors, int height) {
      return Costs.NEON_PANEL[vectors][height];
    }

    @Override
    float pixelCost(int vectors, int height) {
      return Costs.NEON_PIXEL[vectors][height];
    }
  };

  /** The one in use. */
  static final InstructionSet CURRENT =
      of(System.getProperty("os.arch", ""), FloatVector.SPECIES_PREFERRED.vectorBitSize());

  /**
   * The set of a machine. One that is none of the three is planned as AVX2, which has the fewest
   * registers.
   *
   * @param architecture as the system property {@code os.arch} has it
   * @param bits of the vectors that the JVM prefers
   */
  static InstructionSet of(String architecture, int bits) {
    return switch (architecture) {
      case "aarch64", "arm64" -> NEON;
      default -> bits >= 512 ? AVX512 : AVX2;
    };
  }

  /** Cost of a tile of {@link Tiles#panel}, or 0. */
  abstract float panelCost(int vectors, int height);

  /** Cost of a tile of {@link Tiles#pixel}, or 0. */
  abstract float pixelCost(int vectors, int height);

  private static final class Costs {
    private static final float[][] AVX512_PANEL = {
      {},
      {0, 1.6f, 2.7f, 2.2f, 2.9f, 0, 0, 0, 5.7f},
      {0, 2.1f, 3.2f, 3.2f, 4.3f, 5.4f, 6.4f, 7.7f, 8.4f},
      {0, 2.9f, 3.3f, 5.1f, 6.2f, 0, 0, 0, 0},
      {0, 3.9f, 4.6f, 6.6f, 8.6f, 0, 0, 0, 0}
    };

    private static final float[][] AVX512_PIXEL = {
      {},
      {0, 1.9f, 2.6f, 2.3f, 2.9f, 0, 0, 0, 5.4f},
      {0, 2.6f, 2.3f, 4.2f, 4.6f, 5.1f, 6.1f, 0, 8.1f},
      {0, 3.3f, 4.8f, 4.8f, 6.3f, 0, 0, 0, 0},
      {0, 4.3f, 4.9f, 6.3f, 8.4f, 0, 0, 0, 0}
    };

    private static final float[][] AVX2_PANEL = {
      {},
      {0, 3.8f, 4.0f, 3.9f, 4.0f, 0, 0, 0, 5.8f},
      {0, 3.3f, 3.9f, 6.5f, 4.8f, 5.4f, 6.2f, 15.8f, 15.2f},
      {0, 3.5f, 5.2f, 5.2f, 14.7f, 0, 0, 0, 0},
      {0, 4.3f, 5.1f, 15.0f, 18.1f, 0, 0, 0, 0}
    };

    private static final float[][] AVX2_PIXEL = {
      {},
      {0, 4.0f, 5.5f, 3.9f, 3.9f, 0, 0, 0, 7.0f},
      {0, 3.8f, 4.6f, 5.2f, 5.3f, 5.6f, 15.0f, 0, 15.3f},
      {0, 4.2f, 4.6f, 5.4f, 15.1f, 0, 0, 0, 0},
      {0, 4.5f, 5.6f, 15.0f, 17.1f, 0, 0, 0, 0}
    };

    private static final float[][] NEON_PANEL = {
      {},
      {0, 3.1f, 3.9f, 4.0f, 4.1f, 0, 0, 0, 5.4f},
      {0, 3.2f, 4.1f, 4.4f, 4.9f, 6.8f, 6.7f, 7.6f, 8.6f},
      {0, 3.6f, 5.7f, 5.4f, 7.5f, 0, 0, 0, 0},
      {0, 3.8f, 5.1f, 6.9f, 10.3f, 0, 0, 0, 0}
    };

    private static final float[][] NEON_PIXEL = {
      {},
      {0, 4.1f, 5.7f, 4.7f, 4.8f, 0, 0, 0, 8.1f},
      {0, 4.5f, 6.0f, 7.8f, 8.3f, 8.0f, 6.5f, 0, 9.7f},
      {0, 4.3f, 4.9f, 5.6f, 6.5f, 0, 0, 0, 0},
      {0, 4.1f, 5.8f, 6.6f, 8.6f, 0, 0, 0, 0}
    };
  }
}
