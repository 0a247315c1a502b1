package dev.nibble.engine.events;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A training step. One object serves all steps of a run. */
@Name("dev.nibble.Step")
@Label("Training Step")
@Category({"Nibble", "Training"})
@Description("From asking for a batch to the updated weights, waiting for data included")
@StackTrace(false)
public final class StepEvent extends Event {
  @Label("Step")
  @Description("Steps done, from 1")
  long step;

  @Label("Epoch")
  @Description("From 1")
  int epoch;

  @Label("Pictures")
  @Description("All pictures of the step, which may be several batches")
  long pictures;

  @Label("Loss")
  @Description("Mean loss of the batch")
  double loss;

  @Label("Accuracy")
  @Description("Share of the batch classified correctly")
  double accuracy;

  @Label("Learning Rate")
  float learningRate;

  @Label("Stored Activations")
  @Description("What the forward pass left for the backward pass")
  @DataAmount
  long stored;

  @Label("Moved")
  @Description("Bytes that a batch loads from planned buffers and stores to them")
  @DataAmount
  long moved;

  /** Whose step it was. */
  public void position(long done, int epochOfStep, long count) {
    step = done;
    epoch = epochOfStep;
    pictures = count;
  }

  /** What came out. */
  public void outcome(double meanLoss, double share, float rate) {
    loss = meanLoss;
    accuracy = share;
    learningRate = rate;
  }

  /** The plan's figures, which are the same for every full batch. */
  public void traffic(long storedBytes, long movedBytes) {
    stored = storedBytes;
    moved = movedBytes;
  }
}
