package dev.nibble.kernels.vector.tiles;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;
import static dev.nibble.kernels.vector.base.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * A panel tile one vector wide whose rows are windows of three pixels that slide by one.
 *
 * <p>A narrow tile spends its time loading: one broadcast a product. But neighbouring windows share
 * pixels, so here each broadcast meets the three taps at once and serves three sums.
 */
final class SlidingTiles {
  private SlidingTiles() {}

  /** {@link Tiles#panel} for eight rows, {@code aT = channels}, {@code red = 3 * channels}. */
  static void t8(
      int rows,
      int channels,
      float[] a,
      int at,
      int aRow,
      float[] b,
      int bt,
      float[] c,
      int ct,
      int cT) {
    FloatVector s0 = FloatVector.zero(FLOATS);
    FloatVector s1 = FloatVector.zero(FLOATS);
    FloatVector s2 = FloatVector.zero(FLOATS);
    FloatVector s3 = FloatVector.zero(FLOATS);
    FloatVector s4 = FloatVector.zero(FLOATS);
    FloatVector s5 = FloatVector.zero(FLOATS);
    FloatVector s6 = FloatVector.zero(FLOATS);
    FloatVector s7 = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q0 = bt + row * 3 * channels * LANES;
      int q1 = q0 + channels * LANES;
      int q2 = q1 + channels * LANES;
      for (int i = 0; i < channels; i++) {
        FloatVector w0 = FloatVector.fromArray(FLOATS, b, q0 + i * LANES);
        FloatVector w1 = FloatVector.fromArray(FLOATS, b, q1 + i * LANES);
        FloatVector w2 = FloatVector.fromArray(FLOATS, b, q2 + i * LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p + i]);
        s0 = x.fma(w0, s0);
        x = FloatVector.broadcast(FLOATS, a[p + channels + i]);
        s1 = x.fma(w0, s1);
        s0 = x.fma(w1, s0);
        x = FloatVector.broadcast(FLOATS, a[p + 2 * channels + i]);
        s2 = x.fma(w0, s2);
        s1 = x.fma(w1, s1);
        s0 = x.fma(w2, s0);
        x = FloatVector.broadcast(FLOATS, a[p + 3 * channels + i]);
        s3 = x.fma(w0, s3);
        s2 = x.fma(w1, s2);
        s1 = x.fma(w2, s1);
        x = FloatVector.broadcast(FLOATS, a[p + 4 * channels + i]);
        s4 = x.fma(w0, s4);
        s3 = x.fma(w1, s3);
        s2 = x.fma(w2, s2);
        x = FloatVector.broadcast(FLOATS, a[p + 5 * channels + i]);
        s5 = x.fma(w0, s5);
        s4 = x.fma(w1, s4);
        s3 = x.fma(w2, s3);
        x = FloatVector.broadcast(FLOATS, a[p + 6 * channels + i]);
        s6 = x.fma(w0, s6);
        s5 = x.fma(w1, s5);
        s4 = x.fma(w2, s4);
        x = FloatVector.broadcast(FLOATS, a[p + 7 * channels + i]);
        s7 = x.fma(w0, s7);
        s6 = x.fma(w1, s6);
        s5 = x.fma(w2, s5);
        x = FloatVector.broadcast(FLOATS, a[p + 8 * channels + i]);
        s7 = x.fma(w1, s7);
        s6 = x.fma(w2, s6);
        x = FloatVector.broadcast(FLOATS, a[p + 9 * channels + i]);
        s7 = x.fma(w2, s7);
      }
    }
    s0.intoArray(c, ct);
    s1.intoArray(c, ct + cT);
    s2.intoArray(c, ct + 2 * cT);
    s3.intoArray(c, ct + 3 * cT);
    s4.intoArray(c, ct + 4 * cT);
    s5.intoArray(c, ct + 5 * cT);
    s6.intoArray(c, ct + 6 * cT);
    s7.intoArray(c, ct + 7 * cT);
  }
}
