/**
 * What is drawn at random, as pure functions of a seed: the order and the crops of an epoch, and
 * the generator behind them. No state is kept, so a resumed run draws what an uninterrupted one
 * does.
 */
@NullMarked
package dev.nibble.engine.data.random;

import org.jspecify.annotations.NullMarked;
