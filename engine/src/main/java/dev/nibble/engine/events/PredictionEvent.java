package dev.nibble.engine.events;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Threshold;

/** A call of a predictor. Only slow ones by default, as with the JDK's own I/O events. */
@Name("dev.nibble.Prediction")
@Label("Prediction")
@Category({"Nibble", "Inference"})
@Description("A call of a predictor, waiting for a free thread included")
@StackTrace(false)
@Threshold("20 ms")
public final class PredictionEvent extends Event {
  @Label("Network")
  String network = "";

  @Label("Pictures")
  int pictures;

  @Label("Size")
  @Description("Size of the pictures as they were passed")
  @DataAmount
  long size;

  /** What was asked. */
  public void call(String name, int count, long bytes) {
    network = name;
    pictures = count;
    size = bytes;
  }
}
