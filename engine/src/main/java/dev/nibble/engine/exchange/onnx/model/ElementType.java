package dev.nibble.engine.exchange.onnx.model;

import org.jspecify.annotations.Nullable;

/** The element types of ONNX tensors, under the standard's names. */
public enum ElementType {
  /** An IEEE single. */
  FLOAT(1, 32),
  /** An unsigned byte. */
  UINT8(2, 8),
  /** A signed byte. */
  INT8(3, 8),
  /** An unsigned 16-bit integer. */
  UINT16(4, 16),
  /** A signed 16-bit integer. */
  INT16(5, 16),
  /** A signed 32-bit integer. */
  INT32(6, 32),
  /** A signed 64-bit integer. */
  INT64(7, 64),
  /** Text. */
  STRING(8, 0),
  /** A byte of 0 or 1. */
  BOOL(9, 8),
  /** An IEEE half. */
  FLOAT16(10, 16),
  /** An IEEE double. */
  DOUBLE(11, 64),
  /** An unsigned 32-bit integer. */
  UINT32(12, 32),
  /** An unsigned 64-bit integer. */
  UINT64(13, 64),
  /** Two singles. */
  COMPLEX64(14, 64),
  /** Two doubles. */
  COMPLEX128(15, 128),
  /** The upper half of an IEEE single. */
  BFLOAT16(16, 16),
  /** An 8-bit float. */
  FLOAT8E4M3FN(17, 8),
  /** An 8-bit float. */
  FLOAT8E4M3FNUZ(18, 8),
  /** An 8-bit float. */
  FLOAT8E5M2(19, 8),
  /** An 8-bit float. */
  FLOAT8E5M2FNUZ(20, 8),
  /** Half an unsigned byte. */
  UINT4(21, 4),
  /** Half a signed byte. */
  INT4(22, 4),
  /** A 4-bit float. */
  FLOAT4E2M1(23, 4),
  /** A power of two. */
  FLOAT8E8M0(24, 8),
  /** A quarter of an unsigned byte. */
  UINT2(25, 2),
  /** A quarter of a signed byte. */
  INT2(26, 2);

  private final int code;
  private final int bits;

  ElementType(int code, int bits) {
    this.code = code;
    this.bits = bits;
  }

  /** The number that files have for it. */
  public int code() {
    return code;
  }

  /** Bits of an element in raw data; 0 for text. */
  public int bits() {
    return bits;
  }

  /** Whether its values become an fp32 weight's without a scale. */
  public boolean isFloat() {
    return this == FLOAT || this == FLOAT16 || this == BFLOAT16 || this == DOUBLE;
  }

  /** Whether its values are whole numbers, or truths, of whole bytes. */
  public boolean isInteger() {
    return switch (this) {
      case UINT8, INT8, UINT16, INT16, INT32, INT64, UINT32, UINT64, BOOL -> true;
      default -> false;
    };
  }

  /** The type of this number, or null if there is none. */
  public static @Nullable ElementType find(long code) {
    for (ElementType type : values()) {
      if (type.code == code) {
        return type;
      }
    }
    return null;
  }
}
