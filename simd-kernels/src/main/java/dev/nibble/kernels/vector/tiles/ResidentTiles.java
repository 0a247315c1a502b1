package dev.nibble.kernels.vector.tiles;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * A panel tile one vector wide and 16 deep whose weights stay in registers.
 *
 * <p>A tile that keeps its sums in registers ends as soon as it began when its sums are as short as
 * this. Here the panel's 16 vectors are loaded once for all rows, and each row's sum is made of
 * four short ones.
 */
final class ResidentTiles {
  /** Length of the sums. */
  static final int DEPTH = 16;

  private ResidentTiles() {}

  /** {@link Tiles#panel} for one vector, {@code rows = 1}, {@code red = 16}. */
  static void t16(
      int count, float[] a, int at, int aT, float[] b, int bt, float[] c, int ct, int cT) {
    FloatVector b0 = FloatVector.fromArray(FLOATS, b, bt);
    FloatVector b1 = FloatVector.fromArray(FLOATS, b, bt + LANES);
    FloatVector b2 = FloatVector.fromArray(FLOATS, b, bt + 2 * LANES);
    FloatVector b3 = FloatVector.fromArray(FLOATS, b, bt + 3 * LANES);
    FloatVector b4 = FloatVector.fromArray(FLOATS, b, bt + 4 * LANES);
    FloatVector b5 = FloatVector.fromArray(FLOATS, b, bt + 5 * LANES);
    FloatVector b6 = FloatVector.fromArray(FLOATS, b, bt + 6 * LANES);
    FloatVector b7 = FloatVector.fromArray(FLOATS, b, bt + 7 * LANES);
    FloatVector b8 = FloatVector.fromArray(FLOATS, b, bt + 8 * LANES);
    FloatVector b9 = FloatVector.fromArray(FLOATS, b, bt + 9 * LANES);
    FloatVector b10 = FloatVector.fromArray(FLOATS, b, bt + 10 * LANES);
    FloatVector b11 = FloatVector.fromArray(FLOATS, b, bt + 11 * LANES);
    FloatVector b12 = FloatVector.fromArray(FLOATS, b, bt + 12 * LANES);
    FloatVector b13 = FloatVector.fromArray(FLOATS, b, bt + 13 * LANES);
    FloatVector b14 = FloatVector.fromArray(FLOATS, b, bt + 14 * LANES);
    FloatVector b15 = FloatVector.fromArray(FLOATS, b, bt + 15 * LANES);
    for (int t = 0; t < count; t++) {
      int p = at + t * aT;
      FloatVector s0 = FloatVector.broadcast(FLOATS, a[p]).mul(b0);
      FloatVector s1 = FloatVector.broadcast(FLOATS, a[p + 1]).mul(b1);
      FloatVector s2 = FloatVector.broadcast(FLOATS, a[p + 2]).mul(b2);
      FloatVector s3 = FloatVector.broadcast(FLOATS, a[p + 3]).mul(b3);
      s0 = FloatVector.broadcast(FLOATS, a[p + 4]).fma(b4, s0);
      s1 = FloatVector.broadcast(FLOATS, a[p + 5]).fma(b5, s1);
      s2 = FloatVector.broadcast(FLOATS, a[p + 6]).fma(b6, s2);
      s3 = FloatVector.broadcast(FLOATS, a[p + 7]).fma(b7, s3);
      s0 = FloatVector.broadcast(FLOATS, a[p + 8]).fma(b8, s0);
      s1 = FloatVector.broadcast(FLOATS, a[p + 9]).fma(b9, s1);
      s2 = FloatVector.broadcast(FLOATS, a[p + 10]).fma(b10, s2);
      s3 = FloatVector.broadcast(FLOATS, a[p + 11]).fma(b11, s3);
      s0 = FloatVector.broadcast(FLOATS, a[p + 12]).fma(b12, s0);
      s1 = FloatVector.broadcast(FLOATS, a[p + 13]).fma(b13, s1);
      s2 = FloatVector.broadcast(FLOATS, a[p + 14]).fma(b14, s2);
      s3 = FloatVector.broadcast(FLOATS, a[p + 15]).fma(b15, s3);
      s0.add(s1).add(s2.add(s3)).intoArray(c, ct + t * cT);
    }
  }
}
