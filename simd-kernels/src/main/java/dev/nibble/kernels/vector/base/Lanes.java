package dev.nibble.kernels.vector.base;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The width of the vectors, chosen once: the machine's preferred one, or the bits (128, 256, 512)
 * named by the system property {@code nibble.vector.bits}.
 */
public final class Lanes {
  /** System property that names the width in bits. */
  public static final String BITS_PROPERTY = "nibble.vector.bits";

  /** Species of every float vector in this package. */
  public static final VectorSpecies<Float> FLOATS = choose();

  /** Floats in one vector. */
  public static final int LANES = FLOATS.length();

  /** The numbers of the lanes, for masks of the first so many. */
  public static final float[] NUMBERS = numbers();

  private Lanes() {}

  private static float[] numbers() {
    float[] numbers = new float[LANES];
    for (int i = 0; i < LANES; i++) {
      numbers[i] = i;
    }
    return numbers;
  }

  private static VectorSpecies<Float> choose() {
    String bits = System.getProperty(BITS_PROPERTY);
    if (bits == null) {
      return FloatVector.SPECIES_PREFERRED;
    }
    return switch (bits) {
      case "128" -> FloatVector.SPECIES_128;
      case "256" -> FloatVector.SPECIES_256;
      case "512" -> FloatVector.SPECIES_512;
      default ->
          throw new IllegalArgumentException(
              BITS_PROPERTY + " must be 128, 256 or 512, not " + bits);
    };
  }

  /**
   * How far channels {@code [from, to)} are worked on by vectors, of which the last may begin
   * before its first channel: so that it ends with the last of all channels, and is written over.
   */
  public static int bound(int channels, int from, int to) {
    return from <= channels - LANES ? to : Math.min(FLOATS.loopBound(channels), to);
  }

  /** The smallest multiple of {@link #LANES} that holds that many floats. */
  public static int roundUp(int floats) {
    return (floats + LANES - 1) / LANES * LANES;
  }
}
