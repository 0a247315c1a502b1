/**
 * Pictures in Parquet files, as Hugging Face publishes data sets: the one part of the engine that
 * needs the library Hardwood ({@code dev.hardwood:hardwood-core}), and only once such files are
 * opened.
 */
@NullMarked
package dev.nibble.engine.data.parquet;

import org.jspecify.annotations.NullMarked;
