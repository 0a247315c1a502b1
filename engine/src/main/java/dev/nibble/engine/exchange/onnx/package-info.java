/**
 * Networks as ONNX files, written and read. Both by hand, on {@code dev.nibble.engine.protobuf},
 * whose page says why.
 */
@NullMarked
package dev.nibble.engine.exchange.onnx;

import org.jspecify.annotations.NullMarked;
