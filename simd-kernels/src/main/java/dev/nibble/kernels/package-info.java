/**
 * The kernels: what a stage computes, as data ({@link dev.nibble.kernels.Stage}) and as functions
 * over memory ({@link dev.nibble.kernels.Kernels}). Kernels neither allocate nor log nor start
 * threads, and keep no state: every buffer, the threads' scratch included, is handed in. Only those
 * of a device hold something, for the session that they were opened for ({@link
 * dev.nibble.kernels.KernelSession}); and to choose between a device and the CPU, both are timed
 * for a moment, on threads and memory of their own.
 */
@NullMarked
package dev.nibble.kernels;

import org.jspecify.annotations.NullMarked;
