package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;
import static dev.nibble.kernels.vector.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * Tiles one vector wide for {@link Tiles#panel}; {@code tN} is N high.
 *
 * <p>Written out because C2 keeps a vector in a register only if it is a local variable.
 */
final class PanelTiles1 {
  private PanelTiles1() {}

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
    FloatVector s10 = FloatVector.zero(FLOATS);
    FloatVector s20 = FloatVector.zero(FLOATS);
    FloatVector s30 = FloatVector.zero(FLOATS);
    FloatVector s40 = FloatVector.zero(FLOATS);
    FloatVector s50 = FloatVector.zero(FLOATS);
    FloatVector s60 = FloatVector.zero(FLOATS);
    FloatVector s70 = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * red * LANES;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q + r * LANES);
        s00 = FloatVector.broadcast(FLOATS, a[p + r]).fma(b0, s00);
        s10 = FloatVector.broadcast(FLOATS, a[p + aT + r]).fma(b0, s10);
        s20 = FloatVector.broadcast(FLOATS, a[p + 2 * aT + r]).fma(b0, s20);
        s30 = FloatVector.broadcast(FLOATS, a[p + 3 * aT + r]).fma(b0, s30);
        s40 = FloatVector.broadcast(FLOATS, a[p + 4 * aT + r]).fma(b0, s40);
        s50 = FloatVector.broadcast(FLOATS, a[p + 5 * aT + r]).fma(b0, s50);
        s60 = FloatVector.broadcast(FLOATS, a[p + 6 * aT + r]).fma(b0, s60);
        s70 = FloatVector.broadcast(FLOATS, a[p + 7 * aT + r]).fma(b0, s70);
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
      float[] b,
      int bt,
      float[] c,
      int ct,
      int cT) {
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s10 = FloatVector.zero(FLOATS);
    FloatVector s20 = FloatVector.zero(FLOATS);
    FloatVector s30 = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * red * LANES;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q + r * LANES);
        s00 = FloatVector.broadcast(FLOATS, a[p + r]).fma(b0, s00);
        s10 = FloatVector.broadcast(FLOATS, a[p + aT + r]).fma(b0, s10);
        s20 = FloatVector.broadcast(FLOATS, a[p + 2 * aT + r]).fma(b0, s20);
        s30 = FloatVector.broadcast(FLOATS, a[p + 3 * aT + r]).fma(b0, s30);
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
      float[] b,
      int bt,
      float[] c,
      int ct,
      int cT) {
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s10 = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * red * LANES;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q + r * LANES);
        s00 = FloatVector.broadcast(FLOATS, a[p + r]).fma(b0, s00);
        s10 = FloatVector.broadcast(FLOATS, a[p + aT + r]).fma(b0, s10);
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
      float[] b,
      int bt,
      float[] c,
      int ct,
      int cT) {
    FloatVector s00 = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * red * LANES;
      for (int r = 0; r < red; r++) {
        FloatVector b0 = FloatVector.fromArray(FLOATS, b, q + r * LANES);
        s00 = FloatVector.broadcast(FLOATS, a[p + r]).fma(b0, s00);
      }
    }
    s00.intoArray(c, ct);
  }
}
