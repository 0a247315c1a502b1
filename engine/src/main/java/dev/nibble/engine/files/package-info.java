/** Reading and writing files so that a fault at any instant loses nothing. */
@NullMarked
package dev.nibble.engine.files;

import org.jspecify.annotations.NullMarked;
