package dev.nibble.engine.protobuf;

/** How a field's value is written: the low three bits of its tag. */
final class WireType {
  static final int VARINT = 0;
  static final int FIXED_64 = 1;
  static final int BYTES = 2;
  static final int START_GROUP = 3;
  static final int END_GROUP = 4;
  static final int FIXED_32 = 5;

  private WireType() {}
}
