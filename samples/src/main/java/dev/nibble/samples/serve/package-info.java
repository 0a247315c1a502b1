/**
 * The service behind {@code nibble serve}: predicts over HTTP, keeps labelled examples, and
 * retrains its model on them while it goes on serving.
 */
@NullMarked
package dev.nibble.samples.serve;

import org.jspecify.annotations.NullMarked;
