/**
 * Networks as ONNX files. Only a writer: the format is protocol buffers, of which a writer needs
 * three kinds of field.
 */
@NullMarked
package dev.nibble.engine.exchange.onnx;

import org.jspecify.annotations.NullMarked;
