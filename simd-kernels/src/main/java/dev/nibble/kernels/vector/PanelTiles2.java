package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * Tiles two vectors wide for {@link Tiles#panel}; {@code tN} is N high.
 *
 * <p>Written out because C2 keeps a vector in a register only if it is a local variable.
 */
final class PanelTiles2 {
  private PanelTiles2() {}

  static void t8(
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
    FloatVector s10 = FloatVector.zero(FLOATS);
    FloatVector s11 = FloatVector.zero(FLOATS);
    FloatVector s20 = FloatVector.zero(FLOATS);
    FloatVector s21 = FloatVector.zero(FLOATS);
    FloatVector s30 = FloatVector.zero(FLOATS);
    FloatVector s31 = FloatVector.zero(FLOATS);
    FloatVector s40 = FloatVector.zero(FLOATS);
    FloatVector s41 = FloatVector.zero(FLOATS);
    FloatVector s50 = FloatVector.zero(FLOATS);
    FloatVector s51 = FloatVector.zero(FLOATS);
    FloatVector s60 = FloatVector.zero(FLOATS);
    FloatVector s61 = FloatVector.zero(FLOATS);
    FloatVector s70 = FloatVector.zero(FLOATS);
    FloatVector s71 = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * red * 2 * LANES;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q + r * 2 * LANES);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + r * 2 * LANES + LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p + r]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        x = FloatVector.broadcast(FLOATS, a[p + aT + r]);
        s10 = x.fma(b0, s10);
        s11 = x.fma(b1, s11);
        x = FloatVector.broadcast(FLOATS, a[p + 2 * aT + r]);
        s20 = x.fma(b0, s20);
        s21 = x.fma(b1, s21);
        x = FloatVector.broadcast(FLOATS, a[p + 3 * aT + r]);
        s30 = x.fma(b0, s30);
        s31 = x.fma(b1, s31);
        x = FloatVector.broadcast(FLOATS, a[p + 4 * aT + r]);
        s40 = x.fma(b0, s40);
        s41 = x.fma(b1, s41);
        x = FloatVector.broadcast(FLOATS, a[p + 5 * aT + r]);
        s50 = x.fma(b0, s50);
        s51 = x.fma(b1, s51);
        x = FloatVector.broadcast(FLOATS, a[p + 6 * aT + r]);
        s60 = x.fma(b0, s60);
        s61 = x.fma(b1, s61);
        x = FloatVector.broadcast(FLOATS, a[p + 7 * aT + r]);
        s70 = x.fma(b0, s70);
        s71 = x.fma(b1, s71);
      }
    }
    s00.intoArray(c, ct);
    s01.intoArray(c, ct + LANES);
    s10.intoArray(c, ct + cT);
    s11.intoArray(c, ct + cT + LANES);
    s20.intoArray(c, ct + 2 * cT);
    s21.intoArray(c, ct + 2 * cT + LANES);
    s30.intoArray(c, ct + 3 * cT);
    s31.intoArray(c, ct + 3 * cT + LANES);
    s40.intoArray(c, ct + 4 * cT);
    s41.intoArray(c, ct + 4 * cT + LANES);
    s50.intoArray(c, ct + 5 * cT);
    s51.intoArray(c, ct + 5 * cT + LANES);
    s60.intoArray(c, ct + 6 * cT);
    s61.intoArray(c, ct + 6 * cT + LANES);
    s70.intoArray(c, ct + 7 * cT);
    s71.intoArray(c, ct + 7 * cT + LANES);
  }

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
    FloatVector s10 = FloatVector.zero(FLOATS);
    FloatVector s11 = FloatVector.zero(FLOATS);
    FloatVector s20 = FloatVector.zero(FLOATS);
    FloatVector s21 = FloatVector.zero(FLOATS);
    FloatVector s30 = FloatVector.zero(FLOATS);
    FloatVector s31 = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * red * 2 * LANES;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q + r * 2 * LANES);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + r * 2 * LANES + LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p + r]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        x = FloatVector.broadcast(FLOATS, a[p + aT + r]);
        s10 = x.fma(b0, s10);
        s11 = x.fma(b1, s11);
        x = FloatVector.broadcast(FLOATS, a[p + 2 * aT + r]);
        s20 = x.fma(b0, s20);
        s21 = x.fma(b1, s21);
        x = FloatVector.broadcast(FLOATS, a[p + 3 * aT + r]);
        s30 = x.fma(b0, s30);
        s31 = x.fma(b1, s31);
      }
    }
    s00.intoArray(c, ct);
    s01.intoArray(c, ct + LANES);
    s10.intoArray(c, ct + cT);
    s11.intoArray(c, ct + cT + LANES);
    s20.intoArray(c, ct + 2 * cT);
    s21.intoArray(c, ct + 2 * cT + LANES);
    s30.intoArray(c, ct + 3 * cT);
    s31.intoArray(c, ct + 3 * cT + LANES);
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
    FloatVector s10 = FloatVector.zero(FLOATS);
    FloatVector s11 = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * red * 2 * LANES;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q + r * 2 * LANES);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + r * 2 * LANES + LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p + r]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        x = FloatVector.broadcast(FLOATS, a[p + aT + r]);
        s10 = x.fma(b0, s10);
        s11 = x.fma(b1, s11);
      }
    }
    s00.intoArray(c, ct);
    s01.intoArray(c, ct + LANES);
    s10.intoArray(c, ct + cT);
    s11.intoArray(c, ct + cT + LANES);
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
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * red * 2 * LANES;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q + r * 2 * LANES);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + r * 2 * LANES + LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p + r]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
      }
    }
    s00.intoArray(c, ct);
    s01.intoArray(c, ct + LANES);
  }
}
