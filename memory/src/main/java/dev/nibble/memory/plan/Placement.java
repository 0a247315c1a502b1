package dev.nibble.memory.plan;

/**
 * Where a buffer lies.
 *
 * @param request the buffer
 * @param offset its first byte, counted from the start of the workspace; a multiple of 64
 */
public record Placement(BufferRequest request, long offset) {}
