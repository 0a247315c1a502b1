/** The command line: one class a command. */
@NullMarked
package dev.nibble.samples;

import org.jspecify.annotations.NullMarked;
