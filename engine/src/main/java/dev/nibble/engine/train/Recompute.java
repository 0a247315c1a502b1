package dev.nibble.engine.train;

/**
 * Whether activations may be computed a second time, before the backward pass that needs them,
 * instead of being stored. The weights become the same to the last bit; a step takes up to a third
 * longer.
 */
public enum Recompute {
  /** Where nothing fits the memory limit otherwise without losing accuracy. */
  AUTO,
  /** Nowhere. */
  NEVER,
  /** Wherever it saves memory. */
  MOST
}
