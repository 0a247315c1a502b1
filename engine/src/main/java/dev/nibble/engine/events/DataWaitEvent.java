package dev.nibble.engine.events;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/**
 * A batch of the engine's own, prefetching data loader was not ready when it was asked for. One
 * object serves all batches of a loader.
 */
@Name("dev.nibble.DataWait")
@Label("Data Wait")
@Category({"Nibble", "Data"})
@Description("A thread waited for a batch that was not loaded yet")
@StackTrace(false)
public final class DataWaitEvent extends Event {
  @Label("Batch Number")
  @Description("From 0, counted over all epochs")
  long number;

  @Label("Pictures")
  int pictures;

  @Label("Size")
  @Description("Size of the batch's pictures")
  @DataAmount
  long size;

  /** What came in the end. */
  public void batch(long place, int count, long bytes) {
    number = place;
    pictures = count;
    size = bytes;
  }
}
