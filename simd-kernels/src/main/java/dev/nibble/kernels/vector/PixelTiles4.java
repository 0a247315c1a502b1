package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * Tiles four vectors wide for {@link Tiles#pixel}; {@code tN} is N high.
 *
 * <p>Written out because C2 keeps a vector in a register only if it is a local variable.
 */
final class PixelTiles4 {
  private PixelTiles4() {}

  static void t6(
      int rows,
      int red,
      float[] a,
      int at,
      int aRow,
      int aR,
      float[] b,
      int bt,
      int bRow,
      int bR,
      float[] c,
      int ct,
      int cT) {
    FloatVector s00 = FloatVector.fromArray(FLOATS, c, ct);
    FloatVector s01 = FloatVector.fromArray(FLOATS, c, ct + LANES);
    FloatVector s02 = FloatVector.fromArray(FLOATS, c, ct + 2 * LANES);
    FloatVector s03 = FloatVector.fromArray(FLOATS, c, ct + 3 * LANES);
    FloatVector s10 = FloatVector.fromArray(FLOATS, c, ct + cT);
    FloatVector s11 = FloatVector.fromArray(FLOATS, c, ct + cT + LANES);
    FloatVector s12 = FloatVector.fromArray(FLOATS, c, ct + cT + 2 * LANES);
    FloatVector s13 = FloatVector.fromArray(FLOATS, c, ct + cT + 3 * LANES);
    FloatVector s20 = FloatVector.fromArray(FLOATS, c, ct + 2 * cT);
    FloatVector s21 = FloatVector.fromArray(FLOATS, c, ct + 2 * cT + LANES);
    FloatVector s22 = FloatVector.fromArray(FLOATS, c, ct + 2 * cT + 2 * LANES);
    FloatVector s23 = FloatVector.fromArray(FLOATS, c, ct + 2 * cT + 3 * LANES);
    FloatVector s30 = FloatVector.fromArray(FLOATS, c, ct + 3 * cT);
    FloatVector s31 = FloatVector.fromArray(FLOATS, c, ct + 3 * cT + LANES);
    FloatVector s32 = FloatVector.fromArray(FLOATS, c, ct + 3 * cT + 2 * LANES);
    FloatVector s33 = FloatVector.fromArray(FLOATS, c, ct + 3 * cT + 3 * LANES);
    FloatVector s40 = FloatVector.fromArray(FLOATS, c, ct + 4 * cT);
    FloatVector s41 = FloatVector.fromArray(FLOATS, c, ct + 4 * cT + LANES);
    FloatVector s42 = FloatVector.fromArray(FLOATS, c, ct + 4 * cT + 2 * LANES);
    FloatVector s43 = FloatVector.fromArray(FLOATS, c, ct + 4 * cT + 3 * LANES);
    FloatVector s50 = FloatVector.fromArray(FLOATS, c, ct + 5 * cT);
    FloatVector s51 = FloatVector.fromArray(FLOATS, c, ct + 5 * cT + LANES);
    FloatVector s52 = FloatVector.fromArray(FLOATS, c, ct + 5 * cT + 2 * LANES);
    FloatVector s53 = FloatVector.fromArray(FLOATS, c, ct + 5 * cT + 3 * LANES);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * bRow;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + LANES);
        FloatVector b2 = FloatVector.fromArray(FLOATS, b, q + 2 * LANES);
        FloatVector b3 = FloatVector.fromArray(FLOATS, b, q + 3 * LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        s02 = x.fma(b2, s02);
        s03 = x.fma(b3, s03);
        x = FloatVector.broadcast(FLOATS, a[p + 1]);
        s10 = x.fma(b0, s10);
        s11 = x.fma(b1, s11);
        s12 = x.fma(b2, s12);
        s13 = x.fma(b3, s13);
        x = FloatVector.broadcast(FLOATS, a[p + 2]);
        s20 = x.fma(b0, s20);
        s21 = x.fma(b1, s21);
        s22 = x.fma(b2, s22);
        s23 = x.fma(b3, s23);
        x = FloatVector.broadcast(FLOATS, a[p + 3]);
        s30 = x.fma(b0, s30);
        s31 = x.fma(b1, s31);
        s32 = x.fma(b2, s32);
        s33 = x.fma(b3, s33);
        x = FloatVector.broadcast(FLOATS, a[p + 4]);
        s40 = x.fma(b0, s40);
        s41 = x.fma(b1, s41);
        s42 = x.fma(b2, s42);
        s43 = x.fma(b3, s43);
        x = FloatVector.broadcast(FLOATS, a[p + 5]);
        s50 = x.fma(b0, s50);
        s51 = x.fma(b1, s51);
        s52 = x.fma(b2, s52);
        s53 = x.fma(b3, s53);
        p += aR;
        q += bR;
      }
    }
    s00.intoArray(c, ct);
    s01.intoArray(c, ct + LANES);
    s02.intoArray(c, ct + 2 * LANES);
    s03.intoArray(c, ct + 3 * LANES);
    s10.intoArray(c, ct + cT);
    s11.intoArray(c, ct + cT + LANES);
    s12.intoArray(c, ct + cT + 2 * LANES);
    s13.intoArray(c, ct + cT + 3 * LANES);
    s20.intoArray(c, ct + 2 * cT);
    s21.intoArray(c, ct + 2 * cT + LANES);
    s22.intoArray(c, ct + 2 * cT + 2 * LANES);
    s23.intoArray(c, ct + 2 * cT + 3 * LANES);
    s30.intoArray(c, ct + 3 * cT);
    s31.intoArray(c, ct + 3 * cT + LANES);
    s32.intoArray(c, ct + 3 * cT + 2 * LANES);
    s33.intoArray(c, ct + 3 * cT + 3 * LANES);
    s40.intoArray(c, ct + 4 * cT);
    s41.intoArray(c, ct + 4 * cT + LANES);
    s42.intoArray(c, ct + 4 * cT + 2 * LANES);
    s43.intoArray(c, ct + 4 * cT + 3 * LANES);
    s50.intoArray(c, ct + 5 * cT);
    s51.intoArray(c, ct + 5 * cT + LANES);
    s52.intoArray(c, ct + 5 * cT + 2 * LANES);
    s53.intoArray(c, ct + 5 * cT + 3 * LANES);
  }

  static void t4(
      int rows,
      int red,
      float[] a,
      int at,
      int aRow,
      int aR,
      float[] b,
      int bt,
      int bRow,
      int bR,
      float[] c,
      int ct,
      int cT) {
    FloatVector s00 = FloatVector.fromArray(FLOATS, c, ct);
    FloatVector s01 = FloatVector.fromArray(FLOATS, c, ct + LANES);
    FloatVector s02 = FloatVector.fromArray(FLOATS, c, ct + 2 * LANES);
    FloatVector s03 = FloatVector.fromArray(FLOATS, c, ct + 3 * LANES);
    FloatVector s10 = FloatVector.fromArray(FLOATS, c, ct + cT);
    FloatVector s11 = FloatVector.fromArray(FLOATS, c, ct + cT + LANES);
    FloatVector s12 = FloatVector.fromArray(FLOATS, c, ct + cT + 2 * LANES);
    FloatVector s13 = FloatVector.fromArray(FLOATS, c, ct + cT + 3 * LANES);
    FloatVector s20 = FloatVector.fromArray(FLOATS, c, ct + 2 * cT);
    FloatVector s21 = FloatVector.fromArray(FLOATS, c, ct + 2 * cT + LANES);
    FloatVector s22 = FloatVector.fromArray(FLOATS, c, ct + 2 * cT + 2 * LANES);
    FloatVector s23 = FloatVector.fromArray(FLOATS, c, ct + 2 * cT + 3 * LANES);
    FloatVector s30 = FloatVector.fromArray(FLOATS, c, ct + 3 * cT);
    FloatVector s31 = FloatVector.fromArray(FLOATS, c, ct + 3 * cT + LANES);
    FloatVector s32 = FloatVector.fromArray(FLOATS, c, ct + 3 * cT + 2 * LANES);
    FloatVector s33 = FloatVector.fromArray(FLOATS, c, ct + 3 * cT + 3 * LANES);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * bRow;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + LANES);
        FloatVector b2 = FloatVector.fromArray(FLOATS, b, q + 2 * LANES);
        FloatVector b3 = FloatVector.fromArray(FLOATS, b, q + 3 * LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        s02 = x.fma(b2, s02);
        s03 = x.fma(b3, s03);
        x = FloatVector.broadcast(FLOATS, a[p + 1]);
        s10 = x.fma(b0, s10);
        s11 = x.fma(b1, s11);
        s12 = x.fma(b2, s12);
        s13 = x.fma(b3, s13);
        x = FloatVector.broadcast(FLOATS, a[p + 2]);
        s20 = x.fma(b0, s20);
        s21 = x.fma(b1, s21);
        s22 = x.fma(b2, s22);
        s23 = x.fma(b3, s23);
        x = FloatVector.broadcast(FLOATS, a[p + 3]);
        s30 = x.fma(b0, s30);
        s31 = x.fma(b1, s31);
        s32 = x.fma(b2, s32);
        s33 = x.fma(b3, s33);
        p += aR;
        q += bR;
      }
    }
    s00.intoArray(c, ct);
    s01.intoArray(c, ct + LANES);
    s02.intoArray(c, ct + 2 * LANES);
    s03.intoArray(c, ct + 3 * LANES);
    s10.intoArray(c, ct + cT);
    s11.intoArray(c, ct + cT + LANES);
    s12.intoArray(c, ct + cT + 2 * LANES);
    s13.intoArray(c, ct + cT + 3 * LANES);
    s20.intoArray(c, ct + 2 * cT);
    s21.intoArray(c, ct + 2 * cT + LANES);
    s22.intoArray(c, ct + 2 * cT + 2 * LANES);
    s23.intoArray(c, ct + 2 * cT + 3 * LANES);
    s30.intoArray(c, ct + 3 * cT);
    s31.intoArray(c, ct + 3 * cT + LANES);
    s32.intoArray(c, ct + 3 * cT + 2 * LANES);
    s33.intoArray(c, ct + 3 * cT + 3 * LANES);
  }

  static void t2(
      int rows,
      int red,
      float[] a,
      int at,
      int aRow,
      int aR,
      float[] b,
      int bt,
      int bRow,
      int bR,
      float[] c,
      int ct,
      int cT) {
    FloatVector s00 = FloatVector.fromArray(FLOATS, c, ct);
    FloatVector s01 = FloatVector.fromArray(FLOATS, c, ct + LANES);
    FloatVector s02 = FloatVector.fromArray(FLOATS, c, ct + 2 * LANES);
    FloatVector s03 = FloatVector.fromArray(FLOATS, c, ct + 3 * LANES);
    FloatVector s10 = FloatVector.fromArray(FLOATS, c, ct + cT);
    FloatVector s11 = FloatVector.fromArray(FLOATS, c, ct + cT + LANES);
    FloatVector s12 = FloatVector.fromArray(FLOATS, c, ct + cT + 2 * LANES);
    FloatVector s13 = FloatVector.fromArray(FLOATS, c, ct + cT + 3 * LANES);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * bRow;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + LANES);
        FloatVector b2 = FloatVector.fromArray(FLOATS, b, q + 2 * LANES);
        FloatVector b3 = FloatVector.fromArray(FLOATS, b, q + 3 * LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        s02 = x.fma(b2, s02);
        s03 = x.fma(b3, s03);
        x = FloatVector.broadcast(FLOATS, a[p + 1]);
        s10 = x.fma(b0, s10);
        s11 = x.fma(b1, s11);
        s12 = x.fma(b2, s12);
        s13 = x.fma(b3, s13);
        p += aR;
        q += bR;
      }
    }
    s00.intoArray(c, ct);
    s01.intoArray(c, ct + LANES);
    s02.intoArray(c, ct + 2 * LANES);
    s03.intoArray(c, ct + 3 * LANES);
    s10.intoArray(c, ct + cT);
    s11.intoArray(c, ct + cT + LANES);
    s12.intoArray(c, ct + cT + 2 * LANES);
    s13.intoArray(c, ct + cT + 3 * LANES);
  }

  static void t1(
      int rows,
      int red,
      float[] a,
      int at,
      int aRow,
      int aR,
      float[] b,
      int bt,
      int bRow,
      int bR,
      float[] c,
      int ct,
      int cT) {
    FloatVector s00 = FloatVector.fromArray(FLOATS, c, ct);
    FloatVector s01 = FloatVector.fromArray(FLOATS, c, ct + LANES);
    FloatVector s02 = FloatVector.fromArray(FLOATS, c, ct + 2 * LANES);
    FloatVector s03 = FloatVector.fromArray(FLOATS, c, ct + 3 * LANES);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * bRow;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + LANES);
        FloatVector b2 = FloatVector.fromArray(FLOATS, b, q + 2 * LANES);
        FloatVector b3 = FloatVector.fromArray(FLOATS, b, q + 3 * LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        s02 = x.fma(b2, s02);
        s03 = x.fma(b3, s03);
        p += aR;
        q += bR;
      }
    }
    s00.intoArray(c, ct);
    s01.intoArray(c, ct + LANES);
    s02.intoArray(c, ct + 2 * LANES);
    s03.intoArray(c, ct + 3 * LANES);
  }
}
