/**
 * What an ONNX model computes: typed operations with their shapes, for any batch, with everything
 * folded that is known before a picture is seen. Independent of what the engine can train; that is
 * decided where a graph becomes a network.
 */
@NullMarked
package dev.nibble.engine.exchange.onnx.graph;

import org.jspecify.annotations.NullMarked;
