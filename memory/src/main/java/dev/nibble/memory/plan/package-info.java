/**
 * Buffers laid out before any of them exists: from lifetimes ({@link
 * dev.nibble.memory.plan.BufferRequest}) to offsets ({@link dev.nibble.memory.plan.MemoryPlan}) to
 * memory ({@link dev.nibble.memory.plan.Workspace}).
 */
@NullMarked
package dev.nibble.memory.plan;

import org.jspecify.annotations.NullMarked;
