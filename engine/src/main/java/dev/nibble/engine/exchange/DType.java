package dev.nibble.engine.exchange;

import org.jspecify.annotations.Nullable;

/** The element types of safetensors that fill whole bytes, under the names used in its files. */
public enum DType {
  /** A byte of 0 or 1. */
  BOOL(1),
  /** An unsigned byte. */
  U8(1),
  /** A signed byte. */
  I8(1),
  /** An 8-bit float of 5 exponent and 2 mantissa bits. */
  F8_E5M2(1),
  /** An 8-bit float of 4 exponent and 3 mantissa bits. */
  F8_E4M3(1),
  /** A signed 16-bit integer. */
  I16(2),
  /** An unsigned 16-bit integer. */
  U16(2),
  /** An IEEE half. */
  F16(2),
  /** The upper half of an IEEE single. */
  BF16(2),
  /** A signed 32-bit integer. */
  I32(4),
  /** An unsigned 32-bit integer. */
  U32(4),
  /** An IEEE single. */
  F32(4),
  /** An IEEE double. */
  F64(8),
  /** A signed 64-bit integer. */
  I64(8),
  /** An unsigned 64-bit integer. */
  U64(8);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Returns the bytes of one element. */
  public int bytes() {
    return bytes;
  }

  /** Returns the type of this name, or null if there is none. */
  static @Nullable DType find(String name) {
    for (DType type : values()) {
      if (type.name().equals(name)) {
        return type;
      }
    }
    return null;
  }
}
