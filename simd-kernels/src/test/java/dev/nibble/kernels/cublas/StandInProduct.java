package dev.nibble.kernels.cublas;

import dev.nibble.kernels.cublas.StandInMemory.Block;
import java.util.Arrays;
import java.util.BitSet;

/**
 * Products of column-major matrices as cuBLAS defines them, summed in double.
 *
 * @param m rows of C and of op(A)
 * @param n columns of C and of op(B)
 * @param k columns of op(A), rows of op(B)
 * @param rounding how factors are rounded before they are multiplied
 */
record StandInProduct(
    boolean transposeA,
    boolean transposeB,
    int m,
    int n,
    int k,
    float alpha,
    Operand a,
    Operand b,
    float beta,
    Operand c,
    int count,
    Rounding rounding) {
  /** How factors are rounded. */
  enum Rounding {
    FP32(0),
    TF32(13),
    BF16(16);

    private final int lost;

    Rounding(int lost) {
      this.lost = lost;
    }

    /** To the nearest with so many bits fewer, ties to even. */
    float round(float value) {
      if (lost == 0 || !Float.isFinite(value)) {
        return value;
      }
      int bits = Float.floatToRawIntBits(value);
      int half = (1 << (lost - 1)) - 1 + ((bits >> lost) & 1);
      return Float.intBitsToFloat((bits + half) & -(1 << lost));
    }
  }

  /** A matrix: where it lies, floats from column to column and from one product's to the next. */
  record Operand(long address, int ld, long stride) {
    StandInRange range(int rows, int columns, int count) {
      long span = 4 * ((columns - 1L) * ld + rows);
      long ends = 4 * stride * (count - 1L);
      return new StandInRange(address + Math.min(0, ends), span + Math.abs(ends));
    }
  }

  boolean isEmpty() {
    return m == 0 || n == 0 || count == 0;
  }

  StandInRange rangeA() {
    return a.range(transposeA ? k : m, transposeA ? m : k, count);
  }

  StandInRange rangeB() {
    return b.range(transposeB ? n : k, transposeB ? k : n, count);
  }

  StandInRange rangeC() {
    return c.range(m, n, count);
  }

  boolean isShapeValid() {
    return m >= 0
        && n >= 0
        && k >= 0
        && count >= 0
        && a.ld >= Math.max(1, transposeA ? k : m)
        && b.ld >= Math.max(1, transposeB ? n : k)
        && c.ld >= Math.max(1, m);
  }

  /** Whether a value of C belongs to two products, which then write it at the same time. */
  boolean overlapsItself() {
    long span = (n - 1L) * c.ld + m;
    if (count < 2 || Math.abs(c.stride) >= span) {
      return false;
    }
    BitSet seen = new BitSet();
    long low = Math.min(0, c.stride * (count - 1L));
    for (int product = 0; product < count; product++) {
      for (int j = 0; j < n; j++) {
        int from = Math.toIntExact(product * c.stride - low + (long) j * c.ld);
        int next = seen.nextSetBit(from);
        if (next >= 0 && next < from + m) {
          return true;
        }
        seen.set(from, from + m);
      }
    }
    return false;
  }

  /** Computes; C is not read where beta is 0. */
  void run(Block blockA, Block blockB, Block blockC) {
    double[] column = new double[m];
    for (int product = 0; product < count; product++) {
      int atA = blockA.index(a.address + 4 * a.stride * product);
      int atB = blockB.index(b.address + 4 * b.stride * product);
      int atC = blockC.index(c.address + 4 * c.stride * product);
      for (int j = 0; j < n; j++) {
        multiply(
            blockA.values(), atA, blockB.values(), transposeB ? atB + j : atB + j * b.ld, column);
        float[] target = blockC.values();
        for (int i = 0; i < m; i++) {
          int at = atC + j * c.ld + i;
          double old = beta == 0 ? 0 : beta * (double) target[at];
          target[at] = (float) (alpha * column[i] + old);
        }
      }
    }
  }

  /** op(A) times a column of op(B). */
  private void multiply(float[] fa, int atA, float[] fb, int atB, double[] column) {
    int stepB = transposeB ? b.ld : 1;
    Arrays.fill(column, 0);
    if (transposeA) {
      for (int i = 0; i < m; i++) {
        double sum = 0;
        int row = atA + i * a.ld;
        for (int p = 0; p < k; p++) {
          sum += (double) rounding.round(fa[row + p]) * rounding.round(fb[atB + p * stepB]);
        }
        column[i] = sum;
      }
      return;
    }
    for (int p = 0; p < k; p++) {
      double factor = rounding.round(fb[atB + p * stepB]);
      int row = atA + p * a.ld;
      for (int i = 0; i < m; i++) {
        column[i] += rounding.round(fa[row + i]) * factor;
      }
    }
  }
}
