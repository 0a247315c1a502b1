/**
 * The kernel table: what a stage computes, as data ({@link dev.nibble.kernels.Stage}) and as
 * functions over memory ({@link dev.nibble.kernels.Kernels}). Kernels neither allocate nor log nor
 * start threads, and keep no state: every buffer, the threads' scratch included, is handed in.
 */
@NullMarked
package dev.nibble.kernels;

import org.jspecify.annotations.NullMarked;
