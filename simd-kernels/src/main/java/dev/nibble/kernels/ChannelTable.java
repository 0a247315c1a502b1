package dev.nibble.kernels;

/**
 * Layout of a stage's per-channel coefficients: ROWS rows of C floats, row-major. Every step is one
 * multiply-add of what lies in memory: the batch norm is folded into its scale and offset, and so
 * is what comes before and after the codes.
 *
 * <pre>
 *   z     = fma(x, Z_SCALE, Z_OFFSET)                     a = nonlinearity(z)
 *   v     = max(fma(x, CODE_SCALE, CODE_OFFSET), fma(x, LOW_CODE_SCALE, LOW_CODE_OFFSET))
 *   code  = that of v, first cut to [LOW, HIGH) where z lies between the function's edges, to
 *           [origin, LOW) below the low one and to [HIGH, end) above the high one
 *   w     = the place of the code ({@link Codec})
 *   hat~  = w &gt;= EDGE ? fma(w, HAT_SCALE, HAT_OFFSET) : fma(w, LOW_HAT_SCALE, LOW_HAT_OFFSET)
 *   z~    = w &gt;= EDGE ? fma(w, ACT_SCALE, ACT_OFFSET) : fma(w, LOW_ACT_SCALE, LOW_ACT_OFFSET)
 *   a~    = z~ where the activation is direct ({@link Activation#isDirect}), else
 *           nonlinearity(z~), z~ first moved to the side of the edges that w is on
 *   dx    = fma(d, DX_SCALE, w &gt;= EDGE ? fma(w, DX_CODE, DX_OFFSET)
 *                                       : fma(w, LOW_DX_CODE, LOW_DX_OFFSET))
 * </pre>
 *
 * <p>In fp32 what was stored is x itself; it takes w's place, EDGE is minus infinity, and a~ is a.
 * With a ReLU that is direct, LOW is EDGE.
 *
 * <p>With u = sign * (x - mean) / sd, where sign is that of gamma: the paper's codes lie on one
 * line of u, {@code v = 2^K + s + (u + b_c) / D}, and fitted ones on two that meet at EDGE: where
 * the ReLU has its own, or at the mean.
 */
public final class ChannelTable {
  /** gamma / sd; 1 where there is no batch norm. */
  public static final int Z_SCALE = 0;

  /** beta - mean * gamma / sd; nothing where there is no batch norm. */
  public static final int Z_OFFSET = 1;

  /** v a unit of x, above the edge. */
  public static final int CODE_SCALE = 2;

  /** v at x = 0, above the edge. */
  public static final int CODE_OFFSET = 3;

  /** v a unit of x, below the edge; no steeper than above it. */
  public static final int LOW_CODE_SCALE = 4;

  /** v at x = 0, below the edge. */
  public static final int LOW_CODE_OFFSET = 5;

  /** Where the codes of the upper line begin: with a ReLU those of its positive side. */
  public static final int EDGE = 6;

  /** Where the codes above the function's low edge begin; where v does if it has none. */
  public static final int LOW = 7;

  /** Where the codes above the function's high edge begin; where v ends if it has none. */
  public static final int HIGH = 8;

  /** The channel's slope, which {@link Nonlinearity.Prelu} reads. */
  public static final int SLOPE = 9;

  /** hat~ a unit of w, above the edge; 1 / sd in fp32. */
  public static final int HAT_SCALE = 10;

  /** hat~ at w = 0, above the edge; -mean / sd in fp32. */
  public static final int HAT_OFFSET = 11;

  /** hat~ a unit of w, below the edge. */
  public static final int LOW_HAT_SCALE = 12;

  /** hat~ at w = 0, below the edge. */
  public static final int LOW_HAT_OFFSET = 13;

  /** z~ a unit of w, above the edge. */
  public static final int ACT_SCALE = 14;

  /** z~ at w = 0, above the edge. */
  public static final int ACT_OFFSET = 15;

  /** z~ a unit of w, below the edge; 0 with a ReLU. */
  public static final int LOW_ACT_SCALE = 16;

  /** z~ at w = 0, below the edge; 0 with a ReLU. */
  public static final int LOW_ACT_OFFSET = 17;

  /** gamma / sd. */
  public static final int DX_SCALE = 18;

  /** -mean(gamma * d * hat~) / sd, times HAT_SCALE. */
  public static final int DX_CODE = 19;

  /** -mean(gamma * d) / sd - mean(gamma * d * hat~) / sd * HAT_OFFSET. */
  public static final int DX_OFFSET = 20;

  /** DX_CODE with LOW_HAT_SCALE. */
  public static final int LOW_DX_CODE = 21;

  /** DX_OFFSET with LOW_HAT_OFFSET. */
  public static final int LOW_DX_OFFSET = 22;

  /** Number of rows. */
  public static final int ROWS = 23;

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
