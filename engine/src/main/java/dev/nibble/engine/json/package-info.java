/** A small, strict JSON reader and writer for headers, plans and metrics. */
@NullMarked
package dev.nibble.engine.json;

import org.jspecify.annotations.NullMarked;
