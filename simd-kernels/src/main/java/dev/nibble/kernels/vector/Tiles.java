package dev.nibble.kernels.vector;

import static dev.nibble.kernels.vector.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/**
 * The one micro-kernel behind all products of the convolution: a small matrix product whose sums stay
 * in registers, over operands in heap arrays with free strides.
 */
final class Tiles {
  private Tiles() {}

  /**
   * For every t below {@code count} and lane l below {@code vectors * LANES}: {@code c[ct + t * cT +
   * l] (+)= sum over row < rows, r < red of a[at + t * aT + row * aRow + r * aR] * b[bt + row * bRow + r
   * * bR + l]}.
   *
   * @param vectors width in vectors, 1 to {@link TilePlan#MAX_VECTORS}
   * @param add whether the sums start from c instead of zero
   */
  static void strip(
      int vectors,
      int count,
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
    int left = count;
    while (left > 0) {
      int height = TilePlan.height(vectors, left);
      switch (100 * vectors + height) {
        case 108 -> Tiles1.t8(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        case 104 -> Tiles1.t4(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        case 102 -> Tiles1.t2(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        case 101 -> Tiles1.t1(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        case 212 -> Tiles2.t12(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        case 208 -> Tiles2.t8(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        case 204 -> Tiles2.t4(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        case 202 -> Tiles2.t2(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        case 201 -> Tiles2.t1(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        case 308 -> Tiles3.t8(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        case 304 -> Tiles3.t4(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        case 302 -> Tiles3.t2(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        case 301 -> Tiles3.t1(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        case 406 -> Tiles4.t6(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        case 404 -> Tiles4.t4(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        case 402 -> Tiles4.t2(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        case 401 -> Tiles4.t1(rows, red, a, at, aT, aRow, aR, b, bt, bRow, bR, c, ct, cT, add);
        default -> throw new IllegalArgumentException("No tile of that size");
      }
      left -= height;
      at += height * aT;
      ct += height * cT;
    }
  }

  /** The sum that a tile starts from. */
  static FloatVector start(float[] c, int at, boolean add) {
    return add ? FloatVector.fromArray(FLOATS, c, at) : FloatVector.zero(FLOATS);
  }
}
