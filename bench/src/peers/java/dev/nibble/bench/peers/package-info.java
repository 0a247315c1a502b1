/** Peers that run inside the JVM. Compiled in the Maven profile {@code peers} only. */
@NullMarked
package dev.nibble.bench.peers;

import org.jspecify.annotations.NullMarked;
