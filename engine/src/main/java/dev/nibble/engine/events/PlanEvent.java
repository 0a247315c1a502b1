package dev.nibble.engine.events;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A network's memory was planned. */
@Name("dev.nibble.Plan")
@Label("Memory Plan")
@Category({"Nibble", "Memory"})
@Description("All buffers of a network laid into one region, before any exists")
@StackTrace(false)
public final class PlanEvent extends Event {
  @Label("Network")
  String network = "";

  @Label("Batch")
  @Description("Pictures at once")
  int batch;

  @Label("Training")
  @Description("Whether it is planned for training, not for inference")
  boolean training;

  @Label("Store Format")
  @Description("How activations wait for the backward pass")
  String store = "";

  @Label("Buffers")
  int buffers;

  @Label("Total")
  @Description("Size of the region")
  @DataAmount
  long total;

  @Label("Stored Activations")
  @Description("All copies for the backward pass, each counted once")
  @DataAmount
  long stored;

  /** What was planned. */
  public void subject(String name, int pictures, boolean forTraining, String format) {
    network = name;
    batch = pictures;
    training = forTraining;
    store = format;
  }

  /** What it takes. */
  public void sizes(int count, long totalBytes, long storedBytes) {
    buffers = count;
    total = totalBytes;
    stored = storedBytes;
  }
}
