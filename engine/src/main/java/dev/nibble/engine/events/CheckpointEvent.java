package dev.nibble.engine.events;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A checkpoint was saved. */
@Name("dev.nibble.Checkpoint")
@Label("Checkpoint")
@Category({"Nibble", "Training"})
@Description("A checkpoint written and forced to the disk")
@StackTrace(false)
public final class CheckpointEvent extends Event {
  @Label("Step")
  @Description("Steps done")
  long step;

  @Label("File")
  String file = "";

  @Label("Size")
  @Description("Size of the file")
  @DataAmount
  long size;

  /** What was saved. */
  public void saved(long done, String path, long bytes) {
    step = done;
    file = path;
    size = bytes;
  }
}
