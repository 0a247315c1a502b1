/**
 * What is trained: a graph of layers ({@link dev.nibble.engine.network.Network}), the builder that
 * makes one, and the residual networks of the paper. Nothing here knows how or where it runs.
 */
@NullMarked
package dev.nibble.engine.network;

import org.jspecify.annotations.NullMarked;
