/**
 * Uses a trained network: {@link dev.nibble.engine.infer.Predictor} folds batch norm into the
 * convolutions, packs the weights once, and serves any number of threads without allocating.
 */
@NullMarked
package dev.nibble.engine.infer;

import org.jspecify.annotations.NullMarked;
