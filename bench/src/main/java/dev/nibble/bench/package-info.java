/**
 * Benchmarks: JMH ones of whole stages and steps, and {@link dev.nibble.bench.StepTiming}, which
 * prints one line like the peers' scripts do.
 */
@NullMarked
package dev.nibble.bench;

import org.jspecify.annotations.NullMarked;
