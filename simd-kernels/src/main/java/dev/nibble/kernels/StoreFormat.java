package dev.nibble.kernels;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** In which form a stage leaves its normalised input for the backward pass. */
public enum StoreFormat {
  /** Nothing is stored: inference, or a stage whose backward pass needs no activation. */
  NONE(0, null),
  /** The stage's input tensor itself stays in its buffer until the backward pass. */
  KEPT(0, null),
  /** One fp32 value an activation: the stage's input itself, before the batch norm. */
  FP32(32, null),
  /** 8-bit codes, a quarter of them below the ReLU's edge. */
  INT8(8, Codec.fitted(256, 1, 1, 64)),
  /** 4-bit codes, two a byte; three of them below the ReLU's edge. */
  INT4(4, Codec.fitted(16, 2, 1, 3)),
  /** 3-bit codes, eight in three bytes; one of them below the ReLU's edge. */
  INT3(3, Codec.fitted(8, 8, 3, 1)),
  /** 2-bit codes, four a byte; one of them below the ReLU's edge. */
  INT2(2, Codec.fitted(4, 4, 1, 1)),
  /** Three codes, five a byte; one of them below the ReLU's edge. */
  TERNARY(1.6, Codec.fitted(3, 5, 1, 1)),
  /** A bit each, the ReLU's mask, and a level of two bits for eight: 32 values in five bytes. */
  INT1(1.25, Codec.shared()),
  /** The paper's 8-bit codes. */
  UNIFORM8(8, Codec.uniform(8)),
  /** The paper's 4-bit codes, two a byte. */
  UNIFORM4(4, Codec.uniform(4)),
  /** The paper's 2-bit codes, four a byte. */
  UNIFORM2(2, Codec.uniform(2));

  private final double bits;

  // A codec never changes once it is made.
  @SuppressWarnings("ImmutableEnumChecker")
  private final @Nullable Codec codec;

  StoreFormat(double bits, @Nullable Codec codec) {
    this.bits = bits;
    this.codec = codec;
  }

  /** Bits a value: 32, 8, 4, 3, 2, 1.6, 1.25, or 0 where nothing is written. */
  public double bits() {
    return bits;
  }

  /** Whether a copy of each value is written. */
  public boolean isWritten() {
    return bits > 0;
  }

  /** Whether values are stored as codes. */
  public boolean isCodes() {
    return codec != null;
  }

  /**
   * How values are coded.
   *
   * @throws IllegalStateException where they are not
   */
  public Codec codec() {
    if (codec == null) {
      throw new IllegalStateException(this + " has no codes");
    }
    return codec;
  }

  /** The paper's codes of as many bits. */
  public StoreFormat uniform() {
    return switch (this) {
      case INT8, UNIFORM8 -> UNIFORM8;
      case INT4, UNIFORM4 -> UNIFORM4;
      case INT2, UNIFORM2 -> UNIFORM2;
      case NONE, KEPT, FP32 -> this;
      case INT3, TERNARY, INT1 ->
          throw new IllegalArgumentException(
              "The paper's codes have 8, 4 or 2 bits; take int8, int4 or int2, or fitted codes");
    };
  }

  /** The fitted codes of as many bits as the paper's; itself for all others. */
  public StoreFormat fitted() {
    return switch (this) {
      case UNIFORM8 -> INT8;
      case UNIFORM4 -> INT4;
      case UNIFORM2 -> INT2;
      default -> this;
    };
  }

  /**
   * The format with enough codes to tell the sides of a function's edges apart: this, if it has. A
   * level that values share may not lie on both sides of a high edge.
   */
  public StoreFormat keeping(Nonlinearity function) {
    return this == INT1 && function.hasHighEdge() ? TERNARY : this;
  }

  /** The name for people, as in {@code int4} or {@code uniform int4}. */
  public String text() {
    String name = fitted().name().toLowerCase(Locale.ROOT);
    return isUniform() ? "uniform " + name : name;
  }

  /** Whether these are the paper's codes. */
  public boolean isUniform() {
    return this == UNIFORM8 || this == UNIFORM4 || this == UNIFORM2;
  }

  /** Pixels that share bytes: 1 for fp32. */
  public int pixelsPerGroup() {
    return codec == null ? 1 : codec.pixelsPerGroup();
  }

  /** Bytes of a group of pixels for one channel: 4 for fp32, 0 where nothing is written. */
  public int bytesPerGroup() {
    if (codec != null) {
      return codec.bytesPerGroup();
    }
    return this == FP32 ? 4 : 0;
  }

  /** Bytes that the copy of one picture takes. */
  public long bytes(FeatureMap map) {
    if (codec != null) {
      return codec.bytes(map);
    }
    return this == FP32 ? map.bytes() : 0;
  }
}
