package dev.nibble.kernels;

/**
 * In which form a stage leaves its normalised input for the backward pass.
 *
 * <p>K-bit codes are packed by pixel groups: {@code G = 8 / K} consecutive pixels (row-major) of a
 * picture share C bytes, and byte c holds the code of channel c of the group's pixel j in its bits
 * {@code j*K .. j*K+K-1}. The last group of a picture may be partly empty (its unused bits are 0).
 */
public enum StoreFormat {
  /** Nothing is stored: inference, or a stage whose backward pass needs no activation. */
  NONE(0),
  /** The stage's input tensor itself stays in its buffer until the backward pass. */
  KEPT(0),
  /** One fp32 value an activation: the stage's input itself, before the batch norm. */
  FP32(32),
  /** 8-bit codes. */
  INT8(8),
  /** 4-bit codes, two a byte. */
  INT4(4),
  /** 2-bit codes, four a byte. */
  INT2(2);

  private final int bits;

  StoreFormat(int bits) {
    this.bits = bits;
  }

  /** Bits a value: 32, 8, 4, 2, or 0 where nothing is written. */
  public int bits() {
    return bits;
  }

  /** Whether values are stored as K-bit codes. */
  public boolean isCodes() {
    return bits > 0 && bits < 32;
  }

  /** Pixels that share one byte a channel: 8 / bits; 1 for fp32. */
  public int pixelsPerGroup() {
    return isCodes() ? 8 / bits : 1;
  }

  /** Width of one bin of the quantiser in standard deviations: 6 / 2^bits. */
  public float step() {
    if (!isCodes()) {
      throw new IllegalStateException(this + " has no quantiser step");
    }
    return 6f / (1 << bits);
  }

  /** Bytes that the copy of one picture takes. */
  public long bytes(FeatureMap map) {
    if (bits == 0) {
      return 0;
    }
    if (this == FP32) {
      return map.bytes();
    }
    int group = pixelsPerGroup();
    return (long) ((map.pixels() + group - 1) / group) * map.channels();
  }
}
