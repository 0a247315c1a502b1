package dev.nibble.engine.events;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** An evaluation of a data set. */
@Name("dev.nibble.Evaluation")
@Label("Evaluation")
@Category({"Nibble", "Training"})
@Description("A pass over the test pictures")
@StackTrace(false)
public final class EvaluationEvent extends Event {
  @Label("Pictures")
  long pictures;

  @Label("Loss")
  @Description("Mean loss")
  double loss;

  @Label("Accuracy")
  @Description("Share classified correctly")
  double accuracy;

  /** What came out. */
  public void outcome(long count, double meanLoss, double share) {
    pictures = count;
    loss = meanLoss;
    accuracy = share;
  }
}
