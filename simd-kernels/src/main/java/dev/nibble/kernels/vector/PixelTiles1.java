package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/**
 * Tiles one vector wide for {@link Tiles#pixel}; {@code tN} is N high.
 *
 * <p>Written out because C2 keeps a vector in a register only if it is a local variable.
 */
final class PixelTiles1 {
  private PixelTiles1() {}

  static void t8(
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
    FloatVector s10 = FloatVector.fromArray(FLOATS, c, ct + cT);
    FloatVector s20 = FloatVector.fromArray(FLOATS, c, ct + 2 * cT);
    FloatVector s30 = FloatVector.fromArray(FLOATS, c, ct + 3 * cT);
    FloatVector s40 = FloatVector.fromArray(FLOATS, c, ct + 4 * cT);
    FloatVector s50 = FloatVector.fromArray(FLOATS, c, ct + 5 * cT);
    FloatVector s60 = FloatVector.fromArray(FLOATS, c, ct + 6 * cT);
    FloatVector s70 = FloatVector.fromArray(FLOATS, c, ct + 7 * cT);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * bRow;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        s00 = FloatVector.broadcast(FLOATS, a[p]).fma(b0, s00);
        s10 = FloatVector.broadcast(FLOATS, a[p + 1]).fma(b0, s10);
        s20 = FloatVector.broadcast(FLOATS, a[p + 2]).fma(b0, s20);
        s30 = FloatVector.broadcast(FLOATS, a[p + 3]).fma(b0, s30);
        s40 = FloatVector.broadcast(FLOATS, a[p + 4]).fma(b0, s40);
        s50 = FloatVector.broadcast(FLOATS, a[p + 5]).fma(b0, s50);
        s60 = FloatVector.broadcast(FLOATS, a[p + 6]).fma(b0, s60);
        s70 = FloatVector.broadcast(FLOATS, a[p + 7]).fma(b0, s70);
        p += aR;
        q += bR;
      }
    }
    s00.intoArray(c, ct);
    s10.intoArray(c, ct + cT);
    s20.intoArray(c, ct + 2 * cT);
    s30.intoArray(c, ct + 3 * cT);
    s40.intoArray(c, ct + 4 * cT);
    s50.intoArray(c, ct + 5 * cT);
    s60.intoArray(c, ct + 6 * cT);
    s70.intoArray(c, ct + 7 * cT);
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
    FloatVector s10 = FloatVector.fromArray(FLOATS, c, ct + cT);
    FloatVector s20 = FloatVector.fromArray(FLOATS, c, ct + 2 * cT);
    FloatVector s30 = FloatVector.fromArray(FLOATS, c, ct + 3 * cT);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * bRow;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        s00 = FloatVector.broadcast(FLOATS, a[p]).fma(b0, s00);
        s10 = FloatVector.broadcast(FLOATS, a[p + 1]).fma(b0, s10);
        s20 = FloatVector.broadcast(FLOATS, a[p + 2]).fma(b0, s20);
        s30 = FloatVector.broadcast(FLOATS, a[p + 3]).fma(b0, s30);
        p += aR;
        q += bR;
      }
    }
    s00.intoArray(c, ct);
    s10.intoArray(c, ct + cT);
    s20.intoArray(c, ct + 2 * cT);
    s30.intoArray(c, ct + 3 * cT);
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
    FloatVector s10 = FloatVector.fromArray(FLOATS, c, ct + cT);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * bRow;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        s00 = FloatVector.broadcast(FLOATS, a[p]).fma(b0, s00);
        s10 = FloatVector.broadcast(FLOATS, a[p + 1]).fma(b0, s10);
        p += aR;
        q += bR;
      }
    }
    s00.intoArray(c, ct);
    s10.intoArray(c, ct + cT);
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
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * bRow;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        s00 = FloatVector.broadcast(FLOATS, a[p]).fma(b0, s00);
        p += aR;
        q += bR;
      }
    }
    s00.intoArray(c, ct);
  }
}
