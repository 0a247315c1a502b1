/**
 * What a flight recording sees: steps, stages, evaluations, plans, checkpoints, waits for data, and
 * slow predictions. Without a recording an event costs the test of a flag. The classes belong to
 * the engine's parts that fill them; users name the events ({@code dev.nibble.Step}).
 */
@NullMarked
package dev.nibble.engine.events;

import org.jspecify.annotations.NullMarked;
