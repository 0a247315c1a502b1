package dev.nibble.engine.events;

import jdk.jfr.Description;
import jdk.jfr.Label;
import jdk.jfr.Name;

/** A stage's backward pass. */
@Name("dev.nibble.StageBackward")
@Label("Stage Backward")
@Description("A stage's backward pass in a training step; off by default")
public final class BackwardEvent extends StageEvent {}
