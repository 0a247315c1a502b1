/**
 * ONNX files as they are: nodes, attributes, tensors, and where their data lie. What operators mean
 * is {@code dev.nibble.engine.exchange.onnx.graph}'s.
 */
@NullMarked
package dev.nibble.engine.exchange.onnx.model;

import org.jspecify.annotations.NullMarked;
