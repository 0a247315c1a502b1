/**
 * Where data sets keep what they hold: files of fixed-size records that are read by position, a
 * temporary cache of decoded pictures, labels. The system's page cache holds the pictures, not the
 * process.
 */
@NullMarked
package dev.nibble.engine.data.storage;

import org.jspecify.annotations.NullMarked;
