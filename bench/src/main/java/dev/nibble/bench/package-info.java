/**
 * Benchmarks. JMH ones of the machine's roofs, the codes' loops, whole stages, steps and inference;
 * {@link dev.nibble.bench.Suite}, which runs them all and shows shares of the roofs; and {@link
 * dev.nibble.bench.StepTiming}, which prints one line like the peers' scripts do.
 */
@NullMarked
package dev.nibble.bench;

import org.jspecify.annotations.NullMarked;
