package dev.nibble.engine.network;

/**
 * A run of a network's layers, in the order of the forward pass.
 *
 * @param first the first one's name
 * @param last the last one's name
 */
public record LayerRange(String first, String last) {}
