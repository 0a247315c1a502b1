package dev.nibble.kernels.vector.convolution;

import static dev.nibble.kernels.vector.base.Lanes.LANES;

import dev.nibble.kernels.vector.base.Lanes;

/**
 * How a product over groups of channels is made of dense ones: as many groups are taken together as
 * fill whole vectors of the result, and their weights are packed as one matrix with zeros outside
 * its diagonal blocks. What that wastes is what the lanes of narrow groups would waste anyway.
 *
 * <p>{@code lane} are a group's channels of the result, {@code red} those that are summed.
 */
final class GroupPanels {
  private GroupPanels() {}

  /** Groups that are taken together. */
  static int merged(int groups, int lane) {
    int step = LANES;
    for (int rest = lane; rest % 2 == 0 && step > 1; rest /= 2) {
      step /= 2;
    }
    return Math.min(groups, step);
  }

  /** Vectors of the result that a merged group makes; the last one maybe fewer. */
  static int vectors(int groups, int lane) {
    return Lanes.roundUp(merged(groups, lane) * lane) / LANES;
  }

  /** The merged group that a vector of the result belongs to. */
  static int index(int groups, int lane, int vector) {
    return vector / vectors(groups, lane);
  }

  /** The end of the vectors of a merged group. */
  static int end(int groups, int lane, int index) {
    int all = Lanes.roundUp(groups * lane) / LANES;
    return Math.min(all, (index + 1) * vectors(groups, lane));
  }

  /** Channels that a merged group sums. */
  static int red(int groups, int lane, int red, int index) {
    int merged = merged(groups, lane);
    return Math.min(merged, groups - index * merged) * red;
  }

  /** The first of the channels that a merged group sums. */
  static int firstRed(int groups, int lane, int red, int index) {
    return index * merged(groups, lane) * red;
  }

  /** Floats of packed weights before a vector's, for so many taps. */
  static int packedAt(int groups, int lane, int red, int taps, int vector) {
    int index = index(groups, lane, vector);
    int before = index * vectors(groups, lane);
    int full = merged(groups, lane) * red;
    int rows = before * full + (vector - before) * red(groups, lane, red, index);
    return rows * LANES * taps;
  }

  /** Floats of all packed weights, at least. */
  static long packedFloats(int groups, int lane, int red, long taps) {
    return taps * Lanes.roundUp(groups * lane) * merged(groups, lane) * red;
  }
}
