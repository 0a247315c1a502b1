package dev.nibble.bench;

/**
 * The memory of a training step.
 *
 * @param planBytes what the session takes: the plan's slab and the threads' scratch
 */
record StepMemory(long planBytes) {}
