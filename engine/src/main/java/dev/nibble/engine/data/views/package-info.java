/**
 * Data sets made of data sets: joined, parted, shuffled, with other classes. No picture is copied,
 * and a view borrows what it shows.
 */
@NullMarked
package dev.nibble.engine.data.views;

import org.jspecify.annotations.NullMarked;
