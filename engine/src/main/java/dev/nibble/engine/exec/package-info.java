/**
 * Runs a plan: {@link dev.nibble.engine.exec.Session} owns the slab, the worker threads and the
 * bound arguments of every kernel call, and walks the stages forward and back. A step allocates
 * nothing.
 */
@NullMarked
package dev.nibble.engine.exec;

import org.jspecify.annotations.NullMarked;
