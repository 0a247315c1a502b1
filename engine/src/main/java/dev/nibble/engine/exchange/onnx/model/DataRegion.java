package dev.nibble.engine.exchange.onnx.model;

import dev.nibble.engine.protobuf.ByteSource;

/**
 * Where a tensor's data lie.
 *
 * @param source the model's file, or one beside it
 * @param position of the first byte
 * @param bytes how many there are
 * @param field 0 for raw little-endian data; else the region is the tensor's message, and the
 *     values are in this field of it
 */
record DataRegion(ByteSource source, long position, long bytes, int field) {
  boolean isRaw() {
    return field == 0;
  }
}
