package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;
import static dev.nibble.kernels.vector.Tiles.start;

import jdk.incubator.vector.FloatVector;

/**
 * Register tiles one vector wide; {@code tN} is N high. See {@link Tiles#strip} for the product.
 *
 * <p>Written out because C2 keeps a vector in a register only if it is a local variable.
 */
final class Tiles1 {
  private Tiles1() {}

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
    FloatVector s10 = start(c, ct + cT, add);
    FloatVector s20 = start(c, ct + 2 * cT, add);
    FloatVector s30 = start(c, ct + 3 * cT, add);
    FloatVector s40 = start(c, ct + 4 * cT, add);
    FloatVector s50 = start(c, ct + 5 * cT, add);
    FloatVector s60 = start(c, ct + 6 * cT, add);
    FloatVector s70 = start(c, ct + 7 * cT, add);
    for (int row = 0; row < rows; row++) {
      for (int r = 0; r < red; r++) {
        int p = at + row * aRow + r * aR;
        int q = bt + row * bRow + r * bR;
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        s00 = FloatVector.broadcast(FLOATS, a[p]).fma(b0, s00);
        s10 = FloatVector.broadcast(FLOATS, a[p + aT]).fma(b0, s10);
        s20 = FloatVector.broadcast(FLOATS, a[p + 2 * aT]).fma(b0, s20);
        s30 = FloatVector.broadcast(FLOATS, a[p + 3 * aT]).fma(b0, s30);
        s40 = FloatVector.broadcast(FLOATS, a[p + 4 * aT]).fma(b0, s40);
        s50 = FloatVector.broadcast(FLOATS, a[p + 5 * aT]).fma(b0, s50);
        s60 = FloatVector.broadcast(FLOATS, a[p + 6 * aT]).fma(b0, s60);
        s70 = FloatVector.broadcast(FLOATS, a[p + 7 * aT]).fma(b0, s70);
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
    FloatVector s10 = start(c, ct + cT, add);
    FloatVector s20 = start(c, ct + 2 * cT, add);
    FloatVector s30 = start(c, ct + 3 * cT, add);
    for (int row = 0; row < rows; row++) {
      for (int r = 0; r < red; r++) {
        int p = at + row * aRow + r * aR;
        int q = bt + row * bRow + r * bR;
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        s00 = FloatVector.broadcast(FLOATS, a[p]).fma(b0, s00);
        s10 = FloatVector.broadcast(FLOATS, a[p + aT]).fma(b0, s10);
        s20 = FloatVector.broadcast(FLOATS, a[p + 2 * aT]).fma(b0, s20);
        s30 = FloatVector.broadcast(FLOATS, a[p + 3 * aT]).fma(b0, s30);
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
    FloatVector s10 = start(c, ct + cT, add);
    for (int row = 0; row < rows; row++) {
      for (int r = 0; r < red; r++) {
        int p = at + row * aRow + r * aR;
        int q = bt + row * bRow + r * bR;
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        s00 = FloatVector.broadcast(FLOATS, a[p]).fma(b0, s00);
        s10 = FloatVector.broadcast(FLOATS, a[p + aT]).fma(b0, s10);
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
    for (int row = 0; row < rows; row++) {
      for (int r = 0; r < red; r++) {
        int p = at + row * aRow + r * aR;
        int q = bt + row * bRow + r * bR;
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q);
        s00 = FloatVector.broadcast(FLOATS, a[p]).fma(b0, s00);
      }
    }
    s00.intoArray(c, ct);
  }
}
