package dev.nibble.kernels;

/**
 * Layout of a stage's per-channel coefficients: ROWS rows of C floats, row-major. Every step is one
 * multiply-add of what lies in memory: the batch norm is folded into its scale and offset, and so
 * is what comes before and after the codes.
 *
 * <pre>
 *   z     = fma(x, Z_SCALE, Z_OFFSET)                              a = z, with a ReLU: z &lt;= 0 ? 0 : z
 *   code  = floor(v) - 2^K, v = fma(x, CODE_SCALE, CODE_OFFSET), first cut to [low, high):
 *           low = 2^K + (z &lt;= 0 ? 0 : EDGE), high = z &lt;= 0 ? 2^K + EDGE : 2^(K+1); without a ReLU
 *           all z are taken for positive, and EDGE is 0
 *   hat~  = fma(q, HAT_SCALE, HAT_OFFSET)
 *   a~    = q &gt;= EDGE ? fma(q, ACT_SCALE, ACT_OFFSET) : 0
 *   dx    = fma(d, DX_SCALE, fma(q, DX_CODE, DX_OFFSET))
 * </pre>
 *
 * <p>What was stored, q, is a code; in fp32 it is x itself, and a~ is a. From 2^K to 2^(K+1) floats
 * are fixed-point numbers: their bits are in order, and a code is what stands above the fraction.
 */
public final class ChannelTable {
  /** gamma / sd; 1 where there is no batch norm. */
  public static final int Z_SCALE = 0;

  /** beta - mean * gamma / sd; nothing where there is no batch norm. */
  public static final int Z_OFFSET = 1;

  /** sign / (sd * D). */
  public static final int CODE_SCALE = 2;

  /** 2^K + s + b_c / D - mean * sign / (sd * D). */
  public static final int CODE_OFFSET = 3;

  /** s, the first code on the positive side of the ReLU; 0 without a ReLU. */
  public static final int EDGE = 4;

  /** sign * D; 1 / sd in fp32. */
  public static final int HAT_SCALE = 5;

  /** sign * ((0.5 - s) * D - b_c); -mean / sd in fp32. */
  public static final int HAT_OFFSET = 6;

  /** g * D. */
  public static final int ACT_SCALE = 7;

  /** g * ((0.5 - s) * D - b_c) + beta. */
  public static final int ACT_OFFSET = 8;

  /** gamma / sd. */
  public static final int DX_SCALE = 9;

  /** -mean(gamma * d * hat~) / sd, times HAT_SCALE. */
  public static final int DX_CODE = 10;

  /** -mean(gamma * d) / sd - mean(gamma * d * hat~) / sd * HAT_OFFSET. */
  public static final int DX_OFFSET = 11;

  /** Number of rows. */
  public static final int ROWS = 12;

  private ChannelTable() {}

  /** Bytes of the table of a tensor with that many channels. */
  public static long bytes(int channels) {
    return 4L * ROWS * channels;
  }

  /** Byte offset of a row. */
  public static long offset(int row, int channels) {
    return 4L * row * channels;
  }
}
