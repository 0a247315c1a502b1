package dev.nibble.kernels.vector;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Vectors half as wide as those of {@link Lanes}, for tiles one vector wide on processors that make
 * 512-bit instructions of two 256-bit halves.
 *
 * <p>There a broadcast of 512 bits takes two turns of units that multiply, and a tile one vector
 * wide has a broadcast for each product. One of 256 bits is a load and nothing more, so two halves
 * that share it are as fast as two vectors. Either way each lane sums in the same order: which is
 * taken changes no result.
 */
final class HalfLanes {
  /** System property, {@code on} or {@code off}, that says so instead of the processor. */
  static final String PROPERTY = "nibble.vector.halves";

  /** Species of half a vector. */
  static final VectorSpecies<Float> FLOATS =
      VectorSpecies.of(float.class, VectorShape.forBitSize(Lanes.FLOATS.vectorBitSize() / 2));

  /** Floats in half a vector. */
  static final int LANES = FLOATS.length();

  /** Whether tiles one vector wide are made of halves. */
  static final boolean PREFERRED = choose();

  private HalfLanes() {}

  private static boolean choose() {
    String choice = System.getProperty(PROPERTY);
    if (choice != null) {
      return switch (choice) {
        case "on" -> true;
        case "off" -> false;
        default ->
            throw new IllegalArgumentException(PROPERTY + " must be on or off, not " + choice);
      };
    }
    if (Lanes.FLOATS.vectorBitSize() < 512) {
      return false;
    }
    String windows = System.getenv("PROCESSOR_IDENTIFIER");
    if (windows != null) {
      return windows.contains("AuthenticAMD") && windows.contains("Family 25 ");
    }
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return isZen4(lines.limit(16));
    } catch (IOException e) {
      return false; // Not Linux: the processor is not known, and whole vectors are never wrong.
    }
  }

  /**
   * Whether Linux describes a Zen 4, the one of AMD's family 25 that has 512-bit vectors.
   *
   * @param lines the first processor's in {@code /proc/cpuinfo}
   */
  static boolean isZen4(Stream<String> lines) {
    return lines
            .map(line -> line.replaceAll("\\s", ""))
            .filter(line -> line.equals("vendor_id:AuthenticAMD") || line.equals("cpufamily:25"))
            .count()
        == 2;
  }
}
