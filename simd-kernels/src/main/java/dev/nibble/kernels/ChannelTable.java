package dev.nibble.kernels;

/**
 * Layout of a stage's per-channel coefficients: ROWS rows of C floats, row-major. The rows up to
 * BETA make the forward value, those from CODE_SCALE to ACT_OFFSET code and restore it, the DX
 * rows, written by the backward pass, carry a gradient through the batch norm.
 *
 * <pre>
 *   hat   = (x - MEAN) * RSD                      z = fma(GAMMA, hat, BETA)     (x where not normalised)
 *   code  = trunc(clamp(v, 0, 2^K-1)), v = fma(hat, CODE_SCALE, CODE_OFFSET), with a ReLU first
 *           v = z &gt; 0 ? max(v, EDGE) : min(v, EDGE - 1)
 *   hat~  = fma(code, HAT_SCALE, HAT_OFFSET)
 *   a~    = fma(code, ACT_SCALE, ACT_OFFSET), with a ReLU: code &gt;= EDGE ? max(a~, 0) : 0
 *   dx    = d * DX_SCALE - DX_MEAN - hat~ * DX_HAT
 * </pre>
 */
public final class ChannelTable {
  /** Batch (or running) mean. */
  public static final int MEAN = 0;

  /** 1 / sqrt(variance + eps). */
  public static final int RSD = 1;

  /** Batch norm's scale; sd where there is no batch norm. */
  public static final int GAMMA = 2;

  /** Batch norm's shift; the mean where there is no batch norm. */
  public static final int BETA = 3;

  /** sign / D. */
  public static final int CODE_SCALE = 4;

  /** b_c / D + s. */
  public static final int CODE_OFFSET = 5;

  /** s, the first code on the positive side of the ReLU. */
  public static final int EDGE = 6;

  /** sign * D. */
  public static final int HAT_SCALE = 7;

  /** sign * ((0.5 - s) * D - b_c). */
  public static final int HAT_OFFSET = 8;

  /** g * D. */
  public static final int ACT_SCALE = 9;

  /** g * ((0.5 - s) * D - b_c) + beta. */
  public static final int ACT_OFFSET = 10;

  /** gamma / sd. */
  public static final int DX_SCALE = 11;

  /** mean(gamma * d) / sd. */
  public static final int DX_MEAN = 12;

  /** mean(gamma * d * hat~) / sd. */
  public static final int DX_HAT = 13;

  /** Number of rows. */
  public static final int ROWS = 14;

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
