package dev.nibble.kernels.vector.tiles;

import static dev.nibble.kernels.vector.base.Lanes.FLOATS;

import dev.nibble.kernels.vector.convolution.Depthwise;
import jdk.incubator.vector.FloatVector;

/**
 * The loops of {@link Depthwise} for one vector of channels: sums stay in registers, so that a
 * product costs little more than one load, which is what bounds it.
 */
public final class DepthwiseTiles {
  private DepthwiseTiles() {}

  /**
   * A row of pixels: for t below {@code count}, {@code c[ct + t * cT] = sum over row < rows, col <
   * cols of a[at + t * aT + row * aRow + col * aCol] * w[wt + row * wRow + col * wCol]}, in
   * vectors.
   */
  public static void row(
      int count,
      int rows,
      int cols,
      float[] a,
      int at,
      int aT,
      int aRow,
      int aCol,
      float[] w,
      int wt,
      int wRow,
      int wCol,
      float[] c,
      int ct,
      int cT) {
    int t = 0;
    for (; t <= count - 8; t += 8) {
      row8(rows, cols, a, at + t * aT, aT, aRow, aCol, w, wt, wRow, wCol, c, ct + t * cT, cT);
    }
    // What is left is made by tiles that reach back: some pixels twice, with the same result.
    int rest = count - t;
    if (rest > 4 && count < 8) {
      row4(rows, cols, a, at, aT, aRow, aCol, w, wt, wRow, wCol, c, ct, cT);
    }
    if (rest > 4 && count >= 8) {
      t = count - 8;
      row8(rows, cols, a, at + t * aT, aT, aRow, aCol, w, wt, wRow, wCol, c, ct + t * cT, cT);
    } else if (rest > 0 && count >= 4) {
      t = count - 4;
      row4(rows, cols, a, at + t * aT, aT, aRow, aCol, w, wt, wRow, wCol, c, ct + t * cT, cT);
    } else {
      for (; t < count; t++) {
        row1(rows, cols, a, at + t * aT, aRow, aCol, w, wt, wRow, wCol, c, ct + t * cT);
      }
    }
  }

  private static void row8(
      int rows,
      int cols,
      float[] a,
      int at,
      int aT,
      int aRow,
      int aCol,
      float[] w,
      int wt,
      int wRow,
      int wCol,
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
      int q = wt + row * wRow;
      for (int col = 0; col < cols; col++) {
        FloatVector x = FloatVector.fromArray(FLOATS, w, q);
        s0 = FloatVector.fromArray(FLOATS, a, p).fma(x, s0);
        s1 = FloatVector.fromArray(FLOATS, a, p + aT).fma(x, s1);
        s2 = FloatVector.fromArray(FLOATS, a, p + 2 * aT).fma(x, s2);
        s3 = FloatVector.fromArray(FLOATS, a, p + 3 * aT).fma(x, s3);
        s4 = FloatVector.fromArray(FLOATS, a, p + 4 * aT).fma(x, s4);
        s5 = FloatVector.fromArray(FLOATS, a, p + 5 * aT).fma(x, s5);
        s6 = FloatVector.fromArray(FLOATS, a, p + 6 * aT).fma(x, s6);
        s7 = FloatVector.fromArray(FLOATS, a, p + 7 * aT).fma(x, s7);
        p += aCol;
        q += wCol;
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

  private static void row4(
      int rows,
      int cols,
      float[] a,
      int at,
      int aT,
      int aRow,
      int aCol,
      float[] w,
      int wt,
      int wRow,
      int wCol,
      float[] c,
      int ct,
      int cT) {
    FloatVector s0 = FloatVector.zero(FLOATS);
    FloatVector s1 = FloatVector.zero(FLOATS);
    FloatVector s2 = FloatVector.zero(FLOATS);
    FloatVector s3 = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = wt + row * wRow;
      for (int col = 0; col < cols; col++) {
        FloatVector x = FloatVector.fromArray(FLOATS, w, q);
        s0 = FloatVector.fromArray(FLOATS, a, p).fma(x, s0);
        s1 = FloatVector.fromArray(FLOATS, a, p + aT).fma(x, s1);
        s2 = FloatVector.fromArray(FLOATS, a, p + 2 * aT).fma(x, s2);
        s3 = FloatVector.fromArray(FLOATS, a, p + 3 * aT).fma(x, s3);
        p += aCol;
        q += wCol;
      }
    }
    s0.intoArray(c, ct);
    s1.intoArray(c, ct + cT);
    s2.intoArray(c, ct + 2 * cT);
    s3.intoArray(c, ct + 3 * cT);
  }

  private static void row1(
      int rows,
      int cols,
      float[] a,
      int at,
      int aRow,
      int aCol,
      float[] w,
      int wt,
      int wRow,
      int wCol,
      float[] c,
      int ct) {
    FloatVector sum = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = wt + row * wRow;
      for (int col = 0; col < cols; col++) {
        FloatVector x = FloatVector.fromArray(FLOATS, w, q);
        sum = FloatVector.fromArray(FLOATS, a, p).fma(x, sum);
        p += aCol;
        q += wCol;
      }
    }
    sum.intoArray(c, ct);
  }

  /** Of so many taps in a row, those that are summed at once with others: five or three. */
  public static int joined(int taps) {
    return taps / 5 * 5 + (taps % 5 >= 3 ? 3 : 0);
  }

  /**
   * Sums over pixels for taps in a strip: for j below {@code taps}, {@code v[ct + j * cTap] += sum
   * over row < rows, t < width of v[at + row * aRow + t * aT + j * tap] * v[bt + row * bRow + t *
   * bT]}, in vectors.
   */
  public static void strip(
      int taps,
      int rows,
      int width,
      float[] v,
      int at,
      int aRow,
      int aT,
      int tap,
      int bt,
      int bRow,
      int bT,
      int ct,
      int cTap) {
    for (int j = 0, of; j < taps; j += of) {
      of = taps - j >= 5 ? 5 : taps - j >= 3 ? 3 : 1;
      int p = at + j * tap;
      int q = ct + j * cTap;
      switch (of) {
        case 5 -> sums5(rows, width, v, p, aRow, aT, tap, bt, bRow, bT, q, cTap);
        case 3 -> sums3(rows, width, v, p, aRow, aT, tap, bt, bRow, bT, q, cTap);
        default -> sums1(rows, width, v, p, aRow, aT, bt, bRow, bT, q);
      }
    }
  }

  private static void sums1(
      int rows, int width, float[] v, int at, int aRow, int aT, int bt, int bRow, int bT, int ct) {
    FloatVector s0 = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * bRow;
      for (int t = 0; t < width; t++) {
        FloatVector d = FloatVector.fromArray(FLOATS, v, q);
        s0 = FloatVector.fromArray(FLOATS, v, p).fma(d, s0);
        p += aT;
        q += bT;
      }
    }
    s0.add(FloatVector.fromArray(FLOATS, v, ct)).intoArray(v, ct);
  }

  private static void sums3(
      int rows,
      int width,
      float[] v,
      int at,
      int aRow,
      int aT,
      int tap,
      int bt,
      int bRow,
      int bT,
      int ct,
      int cCol) {
    FloatVector s0 = FloatVector.zero(FLOATS);
    FloatVector s1 = FloatVector.zero(FLOATS);
    FloatVector s2 = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * bRow;
      for (int t = 0; t < width; t++) {
        FloatVector d = FloatVector.fromArray(FLOATS, v, q);
        s0 = FloatVector.fromArray(FLOATS, v, p).fma(d, s0);
        s1 = FloatVector.fromArray(FLOATS, v, p + tap).fma(d, s1);
        s2 = FloatVector.fromArray(FLOATS, v, p + 2 * tap).fma(d, s2);
        p += aT;
        q += bT;
      }
    }
    s0.add(FloatVector.fromArray(FLOATS, v, ct)).intoArray(v, ct);
    s1.add(FloatVector.fromArray(FLOATS, v, ct + cCol)).intoArray(v, ct + cCol);
    s2.add(FloatVector.fromArray(FLOATS, v, ct + 2 * cCol)).intoArray(v, ct + 2 * cCol);
  }

  private static void sums5(
      int rows,
      int width,
      float[] v,
      int at,
      int aRow,
      int aT,
      int tap,
      int bt,
      int bRow,
      int bT,
      int ct,
      int cCol) {
    FloatVector s0 = FloatVector.zero(FLOATS);
    FloatVector s1 = FloatVector.zero(FLOATS);
    FloatVector s2 = FloatVector.zero(FLOATS);
    FloatVector s3 = FloatVector.zero(FLOATS);
    FloatVector s4 = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * bRow;
      for (int t = 0; t < width; t++) {
        FloatVector d = FloatVector.fromArray(FLOATS, v, q);
        s0 = FloatVector.fromArray(FLOATS, v, p).fma(d, s0);
        s1 = FloatVector.fromArray(FLOATS, v, p + tap).fma(d, s1);
        s2 = FloatVector.fromArray(FLOATS, v, p + 2 * tap).fma(d, s2);
        s3 = FloatVector.fromArray(FLOATS, v, p + 3 * tap).fma(d, s3);
        s4 = FloatVector.fromArray(FLOATS, v, p + 4 * tap).fma(d, s4);
        p += aT;
        q += bT;
      }
    }
    s0.add(FloatVector.fromArray(FLOATS, v, ct)).intoArray(v, ct);
    s1.add(FloatVector.fromArray(FLOATS, v, ct + cCol)).intoArray(v, ct + cCol);
    s2.add(FloatVector.fromArray(FLOATS, v, ct + 2 * cCol)).intoArray(v, ct + 2 * cCol);
    s3.add(FloatVector.fromArray(FLOATS, v, ct + 3 * cCol)).intoArray(v, ct + 3 * cCol);
    s4.add(FloatVector.fromArray(FLOATS, v, ct + 4 * cCol)).intoArray(v, ct + 4 * cCol);
  }

  /** The same for three strips of three taps. */
  public static void sums9(
      int rows,
      int width,
      float[] v,
      int at,
      int aRow,
      int aT,
      int tapY,
      int tapX,
      int bt,
      int bRow,
      int bT,
      int ct,
      int cRow,
      int cCol) {
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = FloatVector.zero(FLOATS);
    FloatVector s02 = FloatVector.zero(FLOATS);
    FloatVector s10 = FloatVector.zero(FLOATS);
    FloatVector s11 = FloatVector.zero(FLOATS);
    FloatVector s12 = FloatVector.zero(FLOATS);
    FloatVector s20 = FloatVector.zero(FLOATS);
    FloatVector s21 = FloatVector.zero(FLOATS);
    FloatVector s22 = FloatVector.zero(FLOATS);
    for (int row = 0; row < rows; row++) {
      int p = at + row * aRow;
      int q = bt + row * bRow;
      for (int t = 0; t < width; t++) {
        FloatVector d = FloatVector.fromArray(FLOATS, v, q);
        s00 = FloatVector.fromArray(FLOATS, v, p).fma(d, s00);
        s01 = FloatVector.fromArray(FLOATS, v, p + tapX).fma(d, s01);
        s02 = FloatVector.fromArray(FLOATS, v, p + 2 * tapX).fma(d, s02);
        s10 = FloatVector.fromArray(FLOATS, v, p + tapY).fma(d, s10);
        s11 = FloatVector.fromArray(FLOATS, v, p + tapY + tapX).fma(d, s11);
        s12 = FloatVector.fromArray(FLOATS, v, p + tapY + 2 * tapX).fma(d, s12);
        s20 = FloatVector.fromArray(FLOATS, v, p + 2 * tapY).fma(d, s20);
        s21 = FloatVector.fromArray(FLOATS, v, p + 2 * tapY + tapX).fma(d, s21);
        s22 = FloatVector.fromArray(FLOATS, v, p + 2 * tapY + 2 * tapX).fma(d, s22);
        p += aT;
        q += bT;
      }
    }
    int c1 = ct + cRow;
    int c2 = c1 + cRow;
    s00.add(FloatVector.fromArray(FLOATS, v, ct)).intoArray(v, ct);
    s01.add(FloatVector.fromArray(FLOATS, v, ct + cCol)).intoArray(v, ct + cCol);
    s02.add(FloatVector.fromArray(FLOATS, v, ct + 2 * cCol)).intoArray(v, ct + 2 * cCol);
    s10.add(FloatVector.fromArray(FLOATS, v, c1)).intoArray(v, c1);
    s11.add(FloatVector.fromArray(FLOATS, v, c1 + cCol)).intoArray(v, c1 + cCol);
    s12.add(FloatVector.fromArray(FLOATS, v, c1 + 2 * cCol)).intoArray(v, c1 + 2 * cCol);
    s20.add(FloatVector.fromArray(FLOATS, v, c2)).intoArray(v, c2);
    s21.add(FloatVector.fromArray(FLOATS, v, c2 + cCol)).intoArray(v, c2 + cCol);
    s22.add(FloatVector.fromArray(FLOATS, v, c2 + 2 * cCol)).intoArray(v, c2 + 2 * cCol);
  }
}
