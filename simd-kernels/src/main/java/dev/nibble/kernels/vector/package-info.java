/**
 * The kernels with the Vector API, which only these packages import: passes over bands ({@code
 * passes}) load, code and store off-heap memory ({@code activation}) and compute between, in a
 * thread's scratch, by sums of products ({@code convolution}, {@code winograd}) that are register
 * tiles ({@code tiles}).
 */
@NullMarked
package dev.nibble.kernels.vector;

import org.jspecify.annotations.NullMarked;
