package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;
import static dev.nibble.kernels.vector.Tiles.start;

import jdk.incubator.vector.FloatVector;

/**
 * Register tiles two vectors wide; {@code tN} is N high. See {@link Tiles#strip} for the product.
 *
 * <p>Written out because C2 keeps a vector in a register only if it is a local variable.
 */
final class Tiles2 {
  private Tiles2() {}

  static void t12(
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
    FloatVector s0_0 = start(c, ct, add);
    FloatVector s0_1 = start(c, ct + LANES, add);
    FloatVector s1_0 = start(c, ct + cT, add);
    FloatVector s1_1 = start(c, ct + cT + LANES, add);
    FloatVector s2_0 = start(c, ct + 2 * cT, add);
    FloatVector s2_1 = start(c, ct + 2 * cT + LANES, add);
    FloatVector s3_0 = start(c, ct + 3 * cT, add);
    FloatVector s3_1 = start(c, ct + 3 * cT + LANES, add);
    FloatVector s4_0 = start(c, ct + 4 * cT, add);
    FloatVector s4_1 = start(c, ct + 4 * cT + LANES, add);
    FloatVector s5_0 = start(c, ct + 5 * cT, add);
    FloatVector s5_1 = start(c, ct + 5 * cT + LANES, add);
    FloatVector s6_0 = start(c, ct + 6 * cT, add);
    FloatVector s6_1 = start(c, ct + 6 * cT + LANES, add);
    FloatVector s7_0 = start(c, ct + 7 * cT, add);
    FloatVector s7_1 = start(c, ct + 7 * cT + LANES, add);
    FloatVector s8_0 = start(c, ct + 8 * cT, add);
    FloatVector s8_1 = start(c, ct + 8 * cT + LANES, add);
    FloatVector s9_0 = start(c, ct + 9 * cT, add);
    FloatVector s9_1 = start(c, ct + 9 * cT + LANES, add);
    FloatVector s10_0 = start(c, ct + 10 * cT, add);
    FloatVector s10_1 = start(c, ct + 10 * cT + LANES, add);
    FloatVector s11_0 = start(c, ct + 11 * cT, add);
    FloatVector s11_1 = start(c, ct + 11 * cT + LANES, add);
    for (int row = 0; row < rows; row++) {
      for (int r = 0; r < red; r++) {
        int p = at + row * aRow + r * aR;
        int q = bt + row * bRow + r * bR;
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p]);
        s0_0 = x.fma(b0, s0_0);
        s0_1 = x.fma(b1, s0_1);
        x = FloatVector.broadcast(FLOATS, a[p + aT]);
        s1_0 = x.fma(b0, s1_0);
        s1_1 = x.fma(b1, s1_1);
        x = FloatVector.broadcast(FLOATS, a[p + 2 * aT]);
        s2_0 = x.fma(b0, s2_0);
        s2_1 = x.fma(b1, s2_1);
        x = FloatVector.broadcast(FLOATS, a[p + 3 * aT]);
        s3_0 = x.fma(b0, s3_0);
        s3_1 = x.fma(b1, s3_1);
        x = FloatVector.broadcast(FLOATS, a[p + 4 * aT]);
        s4_0 = x.fma(b0, s4_0);
        s4_1 = x.fma(b1, s4_1);
        x = FloatVector.broadcast(FLOATS, a[p + 5 * aT]);
        s5_0 = x.fma(b0, s5_0);
        s5_1 = x.fma(b1, s5_1);
        x = FloatVector.broadcast(FLOATS, a[p + 6 * aT]);
        s6_0 = x.fma(b0, s6_0);
        s6_1 = x.fma(b1, s6_1);
        x = FloatVector.broadcast(FLOATS, a[p + 7 * aT]);
        s7_0 = x.fma(b0, s7_0);
        s7_1 = x.fma(b1, s7_1);
        x = FloatVector.broadcast(FLOATS, a[p + 8 * aT]);
        s8_0 = x.fma(b0, s8_0);
        s8_1 = x.fma(b1, s8_1);
        x = FloatVector.broadcast(FLOATS, a[p + 9 * aT]);
        s9_0 = x.fma(b0, s9_0);
        s9_1 = x.fma(b1, s9_1);
        x = FloatVector.broadcast(FLOATS, a[p + 10 * aT]);
        s10_0 = x.fma(b0, s10_0);
        s10_1 = x.fma(b1, s10_1);
        x = FloatVector.broadcast(FLOATS, a[p + 11 * aT]);
        s11_0 = x.fma(b0, s11_0);
        s11_1 = x.fma(b1, s11_1);
      }
    }
    s0_0.intoArray(c, ct);
    s0_1.intoArray(c, ct + LANES);
    s1_0.intoArray(c, ct + cT);
    s1_1.intoArray(c, ct + cT + LANES);
    s2_0.intoArray(c, ct + 2 * cT);
    s2_1.intoArray(c, ct + 2 * cT + LANES);
    s3_0.intoArray(c, ct + 3 * cT);
    s3_1.intoArray(c, ct + 3 * cT + LANES);
    s4_0.intoArray(c, ct + 4 * cT);
    s4_1.intoArray(c, ct + 4 * cT + LANES);
    s5_0.intoArray(c, ct + 5 * cT);
    s5_1.intoArray(c, ct + 5 * cT + LANES);
    s6_0.intoArray(c, ct + 6 * cT);
    s6_1.intoArray(c, ct + 6 * cT + LANES);
    s7_0.intoArray(c, ct + 7 * cT);
    s7_1.intoArray(c, ct + 7 * cT + LANES);
    s8_0.intoArray(c, ct + 8 * cT);
    s8_1.intoArray(c, ct + 8 * cT + LANES);
    s9_0.intoArray(c, ct + 9 * cT);
    s9_1.intoArray(c, ct + 9 * cT + LANES);
    s10_0.intoArray(c, ct + 10 * cT);
    s10_1.intoArray(c, ct + 10 * cT + LANES);
    s11_0.intoArray(c, ct + 11 * cT);
    s11_1.intoArray(c, ct + 11 * cT + LANES);
  }

  static void t8(
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
    FloatVector s10 = start(c, ct + cT, add);
    FloatVector s11 = start(c, ct + cT + LANES, add);
    FloatVector s20 = start(c, ct + 2 * cT, add);
    FloatVector s21 = start(c, ct + 2 * cT + LANES, add);
    FloatVector s30 = start(c, ct + 3 * cT, add);
    FloatVector s31 = start(c, ct + 3 * cT + LANES, add);
    FloatVector s40 = start(c, ct + 4 * cT, add);
    FloatVector s41 = start(c, ct + 4 * cT + LANES, add);
    FloatVector s50 = start(c, ct + 5 * cT, add);
    FloatVector s51 = start(c, ct + 5 * cT + LANES, add);
    FloatVector s60 = start(c, ct + 6 * cT, add);
    FloatVector s61 = start(c, ct + 6 * cT + LANES, add);
    FloatVector s70 = start(c, ct + 7 * cT, add);
    FloatVector s71 = start(c, ct + 7 * cT + LANES, add);
    for (int row = 0; row < rows; row++) {
      for (int r = 0; r < red; r++) {
        int p = at + row * aRow + r * aR;
        int q = bt + row * bRow + r * bR;
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        x = FloatVector.broadcast(FLOATS, a[p + aT]);
        s10 = x.fma(b0, s10);
        s11 = x.fma(b1, s11);
        x = FloatVector.broadcast(FLOATS, a[p + 2 * aT]);
        s20 = x.fma(b0, s20);
        s21 = x.fma(b1, s21);
        x = FloatVector.broadcast(FLOATS, a[p + 3 * aT]);
        s30 = x.fma(b0, s30);
        s31 = x.fma(b1, s31);
        x = FloatVector.broadcast(FLOATS, a[p + 4 * aT]);
        s40 = x.fma(b0, s40);
        s41 = x.fma(b1, s41);
        x = FloatVector.broadcast(FLOATS, a[p + 5 * aT]);
        s50 = x.fma(b0, s50);
        s51 = x.fma(b1, s51);
        x = FloatVector.broadcast(FLOATS, a[p + 6 * aT]);
        s60 = x.fma(b0, s60);
        s61 = x.fma(b1, s61);
        x = FloatVector.broadcast(FLOATS, a[p + 7 * aT]);
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
    FloatVector s10 = start(c, ct + cT, add);
    FloatVector s11 = start(c, ct + cT + LANES, add);
    FloatVector s20 = start(c, ct + 2 * cT, add);
    FloatVector s21 = start(c, ct + 2 * cT + LANES, add);
    FloatVector s30 = start(c, ct + 3 * cT, add);
    FloatVector s31 = start(c, ct + 3 * cT + LANES, add);
    for (int row = 0; row < rows; row++) {
      for (int r = 0; r < red; r++) {
        int p = at + row * aRow + r * aR;
        int q = bt + row * bRow + r * bR;
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        x = FloatVector.broadcast(FLOATS, a[p + aT]);
        s10 = x.fma(b0, s10);
        s11 = x.fma(b1, s11);
        x = FloatVector.broadcast(FLOATS, a[p + 2 * aT]);
        s20 = x.fma(b0, s20);
        s21 = x.fma(b1, s21);
        x = FloatVector.broadcast(FLOATS, a[p + 3 * aT]);
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
    FloatVector s10 = start(c, ct + cT, add);
    FloatVector s11 = start(c, ct + cT + LANES, add);
    for (int row = 0; row < rows; row++) {
      for (int r = 0; r < red; r++) {
        int p = at + row * aRow + r * aR;
        int q = bt + row * bRow + r * bR;
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
        x = FloatVector.broadcast(FLOATS, a[p + aT]);
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
    for (int row = 0; row < rows; row++) {
      for (int r = 0; r < red; r++) {
        int p = at + row * aRow + r * aR;
        int q = bt + row * bRow + r * bR;
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        FloatVector b1 = FloatVector.fromArray(FLOATS, b, q + LANES);
        FloatVector x = FloatVector.broadcast(FLOATS, a[p]);
        s00 = x.fma(b0, s00);
        s01 = x.fma(b1, s01);
      }
    }
    s00.intoArray(c, ct);
    s01.intoArray(c, ct + LANES);
  }
}
