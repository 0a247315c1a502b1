/**
 * Where pictures come from: folders of picture files with class folders or a table of labels, the
 * CIFAR and IDX files, shapes that are drawn, pictures in memory. {@link
 * dev.nibble.engine.data.sources.DataSources} finds out which it is. Nothing here keeps a data set
 * of files in memory: pictures are read by position, decoded ones from a temporary cache.
 */
@NullMarked
package dev.nibble.engine.data.sources;

import org.jspecify.annotations.NullMarked;
