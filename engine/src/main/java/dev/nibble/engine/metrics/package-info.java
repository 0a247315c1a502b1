/**
 * Figures of trainings, predictions and memory for <a href="https://micrometer.io">Micrometer</a>.
 * The only package that needs micrometer-core, an optional dependency: whoever uses it adds that.
 */
@NullMarked
package dev.nibble.engine.metrics;

import org.jspecify.annotations.NullMarked;
