package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * Tiles three vectors wide for {@link Tiles#panel}; {@code tN} is N high.
 *
 * <p>Written out because C2 keeps a vector in a register only if it is a local variable.
 */
final class PanelTiles3 {
  private PanelTiles3() {}

  static void t4(
      int rows,
      int red,
      float[] a,
      int at,
      int aT,
      int aRow,
      float[] b,
      int bt,
      float[] c,
      int ct,
      int cT) {
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = FloatVector.zero(FLOATS);
    FloatVector s02 = FloatVector.zero(FLOATS);
    FloatVector s10 = FloatVector.zero(FLOATS);
    FloatVector s11 = FloatVector.zero(FLOATS);
    FloatVector s12 = FloatVector.zero(FLOATS);
    FloatVector s20 = FloatVector.zero(FLOATS);
    FloatVector s21 = FloatVector.zero(FLOATS);
    FloatVector s22 = FloatVector.zero(FLOATS);
    FloatVector s30 = FloatVector.zero(FLOATS);
    FloatVector s31 = FloatVector.zero(FLOATS);
    FloatVector s32 = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * red * 3 * LANES;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q + r * 3 * LANES);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + r * 3 * LANES + LANES);
        FloatVector b2 = FloatVector.fromArray(FLOATS, b, q + r * 3 * LANES + 2 * LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p + r]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        s02 = x.fma(b2, s02);
        x = FloatVector.broadcast(FLOATS, a[p + aT + r]);
        s10 = x.fma(b0, s10);
        s11 = x.fma(b1, s11);
        s12 = x.fma(b2, s12);
        x = FloatVector.broadcast(FLOATS, a[p + 2 * aT + r]);
        s20 = x.fma(b0, s20);
        s21 = x.fma(b1, s21);
        s22 = x.fma(b2, s22);
        x = FloatVector.broadcast(FLOATS, a[p + 3 * aT + r]);
        s30 = x.fma(b0, s30);
        s31 = x.fma(b1, s31);
        s32 = x.fma(b2, s32);
      }
    }
    s00.intoArray(c, ct);
    s01.intoArray(c, ct + LANES);
    s02.intoArray(c, ct + 2 * LANES);
    s10.intoArray(c, ct + cT);
    s11.intoArray(c, ct + cT + LANES);
    s12.intoArray(c, ct + cT + 2 * LANES);
    s20.intoArray(c, ct + 2 * cT);
    s21.intoArray(c, ct + 2 * cT + LANES);
    s22.intoArray(c, ct + 2 * cT + 2 * LANES);
    s30.intoArray(c, ct + 3 * cT);
    s31.intoArray(c, ct + 3 * cT + LANES);
    s32.intoArray(c, ct + 3 * cT + 2 * LANES);
  }

  static void t2(
      int rows,
      int red,
      float[] a,
      int at,
      int aT,
      int aRow,
      float[] b,
      int bt,
      float[] c,
      int ct,
      int cT) {
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = FloatVector.zero(FLOATS);
    FloatVector s02 = FloatVector.zero(FLOATS);
    FloatVector s10 = FloatVector.zero(FLOATS);
    FloatVector s11 = FloatVector.zero(FLOATS);
    FloatVector s12 = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * red * 3 * LANES;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q + r * 3 * LANES);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + r * 3 * LANES + LANES);
        FloatVector b2 = FloatVector.fromArray(FLOATS, b, q + r * 3 * LANES + 2 * LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p + r]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        s02 = x.fma(b2, s02);
        x = FloatVector.broadcast(FLOATS, a[p + aT + r]);
        s10 = x.fma(b0, s10);
        s11 = x.fma(b1, s11);
        s12 = x.fma(b2, s12);
      }
    }
    s00.intoArray(c, ct);
    s01.intoArray(c, ct + LANES);
    s02.intoArray(c, ct + 2 * LANES);
    s10.intoArray(c, ct + cT);
    s11.intoArray(c, ct + cT + LANES);
    s12.intoArray(c, ct + cT + 2 * LANES);
  }

  static void t1(
      int rows,
      int red,
      float[] a,
      int at,
      int aT,
      int aRow,
      float[] b,
      int bt,
      float[] c,
      int ct,
      int cT) {
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = FloatVector.zero(FLOATS);
    FloatVector s02 = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * red * 3 * LANES;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q + r * 3 * LANES);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + r * 3 * LANES + LANES);
        FloatVector b2 = FloatVector.fromArray(FLOATS, b, q + r * 3 * LANES + 2 * LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p + r]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        s02 = x.fma(b2, s02);
      }
    }
    s00.intoArray(c, ct);
    s01.intoArray(c, ct + LANES);
    s02.intoArray(c, ct + 2 * LANES);
  }
}
