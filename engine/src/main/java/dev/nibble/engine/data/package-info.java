/**
 * Pictures and their labels: the data sets that Nibble reads or draws, the order and augmentation
 * of an epoch, and the thread that fills planned off-heap batches ahead of the trainer. Nothing
 * here keeps a data set in memory: pictures are read positionally from files, decoded ones from a
 * temporary cache.
 */
@NullMarked
package dev.nibble.engine.data;

import org.jspecify.annotations.NullMarked;
