package dev.nibble.engine.events;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.StackTrace;

/**
 * One stage of a training step in one direction. Off unless a recording asks for it: a deep network
 * has hundreds of stages.
 */
@Category({"Nibble", "Training"})
@Enabled(false)
@StackTrace(false)
public abstract sealed class StageEvent extends Event permits ForwardEvent, BackwardEvent {
  @Label("Stage")
  @Description("The layer's name")
  String stage = "";

  @Label("Index")
  @Description("Position in forward order, from 0")
  int index;

  @Label("Batch")
  @Description("Pictures of the step")
  int batch;

  @Label("Moved")
  @Description("Bytes that a full batch loads from planned buffers and stores to them")
  @DataAmount
  long moved;

  @Label("Stored Activations")
  @Description("Bytes of a full batch that the stage leaves for the backward pass, or reads there")
  @DataAmount
  long stored;

  /** For the subclasses. */
  StageEvent() {}

  /** Which stage it was. */
  public final void position(String name, int place, int pictures) {
    stage = name;
    index = place;
    batch = pictures;
  }

  /** The plan's figures. */
  public final void traffic(long storedBytes, long movedBytes) {
    stored = storedBytes;
    moved = movedBytes;
  }
}
