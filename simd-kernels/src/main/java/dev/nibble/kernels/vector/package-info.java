/**
 * The kernel table with the Vector API, the only package that imports it: loops that load, code and
 * store off-heap memory, and register tiles over a thread's scratch between them.
 */
@NullMarked
package dev.nibble.kernels.vector;

import org.jspecify.annotations.NullMarked;
