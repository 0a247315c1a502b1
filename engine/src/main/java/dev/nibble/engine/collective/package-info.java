/**
 * How the workers that share a training run talk to each other: what moves between them, who they
 * are, and what happens when one is lost.
 */
@NullMarked
package dev.nibble.engine.collective;

import org.jspecify.annotations.NullMarked;
