/**
 * What is trained: a graph of layers ({@link dev.nibble.engine.network.Network}), the builder that
 * makes one, and the networks that are known by name. Nothing here knows how or where it runs.
 */
@NullMarked
package dev.nibble.engine.network;

import org.jspecify.annotations.NullMarked;
