package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;
import static dev.nibble.kernels.vector.Tiles.start;

import jdk.incubator.vector.FloatVector;

/**
 * Register tiles four vectors wide; {@code tN} is N high. See {@link Tiles#strip} for the product.
 *
 * <p>Written out because C2 keeps a vector in a register only if it is a local variable.
 */
final class Tiles4 {
  private Tiles4() {}

  static void t6(
      int rows,
      int red,
      float[] a,
      int at,
      int aT,
      int aRow,
      int aR,
      float[] b,
      int bt,
      int bRow,
      int bR,
      float[] c,
      int ct,
      int cT,
      boolean add) {
    FloatVector s00 = start(c, ct, add);
    FloatVector s01 = start(c, ct + LANES, add);
    FloatVector s02 = start(c, ct + 2 * LANES, add);
    FloatVector s03 = start(c, ct + 3 * LANES, add);
    FloatVector s10 = start(c, ct + cT, add);
    FloatVector s11 = start(c, ct + cT + LANES, add);
    FloatVector s12 = start(c, ct + cT + 2 * LANES, add);
    FloatVector s13 = start(c, ct + cT + 3 * LANES, add);
    FloatVector s20 = start(c, ct + 2 * cT, add);
    FloatVector s21 = start(c, ct + 2 * cT + LANES, add);
    FloatVector s22 = start(c, ct + 2 * cT + 2 * LANES, add);
    FloatVector s23 = start(c, ct + 2 * cT + 3 * LANES, add);
    FloatVector s30 = start(c, ct + 3 * cT, add);
    FloatVector s31 = start(c, ct + 3 * cT + LANES, add);
    FloatVector s32 = start(c, ct + 3 * cT + 2 * LANES, add);
    FloatVector s33 = start(c, ct + 3 * cT + 3 * LANES, add);
    FloatVector s40 = start(c, ct + 4 * cT, add);
    FloatVector s41 = start(c, ct + 4 * cT + LANES, add);
    FloatVector s42 = start(c, ct + 4 * cT + 2 * LANES, add);
    FloatVector s43 = start(c, ct + 4 * cT + 3 * LANES, add);
    FloatVector s50 = start(c, ct + 5 * cT, add);
    FloatVector s51 = start(c, ct + 5 * cT + LANES, add);
    FloatVector s52 = start(c, ct + 5 * cT + 2 * LANES, add);
    FloatVector s53 = start(c, ct + 5 * cT + 3 * LANES, add);
    for (int row = 0; row < rows; row++) {
      for (int r = 0; r < red; r++) {
        int p = at + row * aRow + r * aR;
        int q = bt + row * bRow + r * bR;
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + LANES);
        FloatVector b2 = FloatVector.fromArray(FLOATS, b, q + 2 * LANES);
        FloatVector b3 = FloatVector.fromArray(FLOATS, b, q + 3 * LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        s02 = x.fma(b2, s02);
        s03 = x.fma(b3, s03);
        x = FloatVector.broadcast(FLOATS, a[p + aT]);
        s10 = x.fma(b0, s10);
        s11 = x.fma(b1, s11);
        s12 = x.fma(b2, s12);
        s13 = x.fma(b3, s13);
        x = FloatVector.broadcast(FLOATS, a[p + 2 * aT]);
        s20 = x.fma(b0, s20);
        s21 = x.fma(b1, s21);
        s22 = x.fma(b2, s22);
        s23 = x.fma(b3, s23);
        x = FloatVector.broadcast(FLOATS, a[p + 3 * aT]);
        s30 = x.fma(b0, s30);
        s31 = x.fma(b1, s31);
        s32 = x.fma(b2, s32);
        s33 = x.fma(b3, s33);
        x = FloatVector.broadcast(FLOATS, a[p + 4 * aT]);
        s40 = x.fma(b0, s40);
        s41 = x.fma(b1, s41);
        s42 = x.fma(b2, s42);
        s43 = x.fma(b3, s43);
        x = FloatVector.broadcast(FLOATS, a[p + 5 * aT]);
        s50 = x.fma(b0, s50);
        s51 = x.fma(b1, s51);
        s52 = x.fma(b2, s52);
        s53 = x.fma(b3, s53);
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
      int aT,
      int aRow,
      int aR,
      float[] b,
      int bt,
      int bRow,
      int bR,
      float[] c,
      int ct,
      int cT,
      boolean add) {
    FloatVector s00 = start(c, ct, add);
    FloatVector s01 = start(c, ct + LANES, add);
    FloatVector s02 = start(c, ct + 2 * LANES, add);
    FloatVector s03 = start(c, ct + 3 * LANES, add);
    FloatVector s10 = start(c, ct + cT, add);
    FloatVector s11 = start(c, ct + cT + LANES, add);
    FloatVector s12 = start(c, ct + cT + 2 * LANES, add);
    FloatVector s13 = start(c, ct + cT + 3 * LANES, add);
    FloatVector s20 = start(c, ct + 2 * cT, add);
    FloatVector s21 = start(c, ct + 2 * cT + LANES, add);
    FloatVector s22 = start(c, ct + 2 * cT + 2 * LANES, add);
    FloatVector s23 = start(c, ct + 2 * cT + 3 * LANES, add);
    FloatVector s30 = start(c, ct + 3 * cT, add);
    FloatVector s31 = start(c, ct + 3 * cT + LANES, add);
    FloatVector s32 = start(c, ct + 3 * cT + 2 * LANES, add);
    FloatVector s33 = start(c, ct + 3 * cT + 3 * LANES, add);
    for (int row = 0; row < rows; row++) {
      for (int r = 0; r < red; r++) {
        int p = at + row * aRow + r * aR;
        int q = bt + row * bRow + r * bR;
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + LANES);
        FloatVector b2 = FloatVector.fromArray(FLOATS, b, q + 2 * LANES);
        FloatVector b3 = FloatVector.fromArray(FLOATS, b, q + 3 * LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        s02 = x.fma(b2, s02);
        s03 = x.fma(b3, s03);
        x = FloatVector.broadcast(FLOATS, a[p + aT]);
        s10 = x.fma(b0, s10);
        s11 = x.fma(b1, s11);
        s12 = x.fma(b2, s12);
        s13 = x.fma(b3, s13);
        x = FloatVector.broadcast(FLOATS, a[p + 2 * aT]);
        s20 = x.fma(b0, s20);
        s21 = x.fma(b1, s21);
        s22 = x.fma(b2, s22);
        s23 = x.fma(b3, s23);
        x = FloatVector.broadcast(FLOATS, a[p + 3 * aT]);
        s30 = x.fma(b0, s30);
        s31 = x.fma(b1, s31);
        s32 = x.fma(b2, s32);
        s33 = x.fma(b3, s33);
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
      int aT,
      int aRow,
      int aR,
      float[] b,
      int bt,
      int bRow,
      int bR,
      float[] c,
      int ct,
      int cT,
      boolean add) {
    FloatVector s00 = start(c, ct, add);
    FloatVector s01 = start(c, ct + LANES, add);
    FloatVector s02 = start(c, ct + 2 * LANES, add);
    FloatVector s03 = start(c, ct + 3 * LANES, add);
    FloatVector s10 = start(c, ct + cT, add);
    FloatVector s11 = start(c, ct + cT + LANES, add);
    FloatVector s12 = start(c, ct + cT + 2 * LANES, add);
    FloatVector s13 = start(c, ct + cT + 3 * LANES, add);
    for (int row = 0; row < rows; row++) {
      for (int r = 0; r < red; r++) {
        int p = at + row * aRow + r * aR;
        int q = bt + row * bRow + r * bR;
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + LANES);
        FloatVector b2 = FloatVector.fromArray(FLOATS, b, q + 2 * LANES);
        FloatVector b3 = FloatVector.fromArray(FLOATS, b, q + 3 * LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        s02 = x.fma(b2, s02);
        s03 = x.fma(b3, s03);
        x = FloatVector.broadcast(FLOATS, a[p + aT]);
        s10 = x.fma(b0, s10);
        s11 = x.fma(b1, s11);
        s12 = x.fma(b2, s12);
        s13 = x.fma(b3, s13);
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
      int aT,
      int aRow,
      int aR,
      float[] b,
      int bt,
      int bRow,
      int bR,
      float[] c,
      int ct,
      int cT,
      boolean add) {
    FloatVector s00 = start(c, ct, add);
    FloatVector s01 = start(c, ct + LANES, add);
    FloatVector s02 = start(c, ct + 2 * LANES, add);
    FloatVector s03 = start(c, ct + 3 * LANES, add);
    for (int row = 0; row < rows; row++) {
      for (int r = 0; r < red; r++) {
        int p = at + row * aRow + r * aR;
        int q = bt + row * bRow + r * bR;
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + LANES);
        FloatVector b2 = FloatVector.fromArray(FLOATS, b, q + 2 * LANES);
        FloatVector b3 = FloatVector.fromArray(FLOATS, b, q + 3 * LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        s02 = x.fma(b2, s02);
        s03 = x.fma(b3, s03);
      }
    }
    s00.intoArray(c, ct);
    s01.intoArray(c, ct + LANES);
    s02.intoArray(c, ct + 2 * LANES);
    s03.intoArray(c, ct + 3 * LANES);
  }
}
