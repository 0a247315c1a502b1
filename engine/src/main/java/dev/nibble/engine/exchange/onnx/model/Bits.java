package dev.nibble.engine.exchange.onnx.model;

/** An element's bits as a number. */
final class Bits {
  private Bits() {}

  /** Bits beyond the type's width are not looked at. */
  static double real(ElementType type, long bits) {
    return switch (type) {
      case FLOAT -> Float.intBitsToFloat((int) bits);
      case DOUBLE -> Double.longBitsToDouble(bits);
      case FLOAT16 -> Float.float16ToFloat((short) bits);
      case BFLOAT16 -> Float.intBitsToFloat((int) bits << 16);
      default -> whole(type, bits);
    };
  }

  static long whole(ElementType type, long bits) {
    return switch (type) {
      case INT8 -> (byte) bits;
      case UINT8 -> bits & 0xFF;
      case BOOL -> (bits & 0xFF) == 0 ? 0 : 1;
      case INT16 -> (short) bits;
      case UINT16 -> bits & 0xFFFF;
      case INT32 -> (int) bits;
      case UINT32 -> bits & 0xFFFF_FFFFL;
      case INT64, UINT64 -> bits;
      default -> (long) real(type, bits);
    };
  }
}
