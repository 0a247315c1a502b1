/** Nibble in Spark's machine learning pipelines. */
@NullMarked
package dev.nibble.spark;

import org.jspecify.annotations.NullMarked;
