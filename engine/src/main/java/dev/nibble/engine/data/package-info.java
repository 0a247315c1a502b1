/**
 * Pictures and what is told of them: {@link dev.nibble.engine.data.Dataset}, how one is opened, and
 * its splits. Around it lie, each a package:
 *
 * <ul>
 *   <li>{@link dev.nibble.engine.data.sources}: where pictures come from, {@code DataSources} first
 *   <li>{@link dev.nibble.engine.data.views}: data sets made of data sets
 *   <li>{@link dev.nibble.engine.data.loading}: augmentation, and the thread that fills batches
 * </ul>
 *
 * <p>For the engine alone: {@code pictures} decodes picture files, {@code parquet} reads Parquet's,
 * {@code storage} keeps pictures in files, {@code random} draws.
 */
@NullMarked
package dev.nibble.engine.data;

import org.jspecify.annotations.NullMarked;
