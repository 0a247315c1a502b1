package dev.nibble.engine.events;

import jdk.jfr.Description;
import jdk.jfr.Label;
import jdk.jfr.Name;

/** A stage's forward pass. */
@Name("dev.nibble.StageForward")
@Label("Stage Forward")
@Description("A stage's forward pass in a training step; off by default")
public final class ForwardEvent extends StageEvent {}
