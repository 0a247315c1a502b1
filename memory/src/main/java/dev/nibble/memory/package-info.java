/**
 * Accounts with limits ({@link dev.nibble.memory.MemoryAccount}) and the off-heap regions that they
 * pay for ({@link dev.nibble.memory.Slab}).
 */
@NullMarked
package dev.nibble.memory;

import org.jspecify.annotations.NullMarked;
