package dev.nibble.engine.train;

import dev.nibble.engine.network.Parameter;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * What a listener may read of the run it hears. Valid during the listener's own calls, on the
 * training thread: between them the weights change, and afterwards their memory is freed.
 */
public interface TrainingRun {
  /** Name of the network. */
  String network();

  /** All parameters, running statistics included. */
  List<Parameter> parameters();

  /**
   * A parameter's fp32 values as they are now, read-only, in memory order ({@link
   * Parameter#memoryIndex}).
   */
  MemorySegment values(Parameter parameter);

  /** Pictures of a step: a batch, or several where gradients are accumulated. */
  int batch();

  /** Steps done before the run: 0, or those before a resume. */
  long startStep();

  /** Steps of the whole run, those before a resume included. */
  long totalSteps();

  /** Steps of one epoch. */
  long stepsPerEpoch();

  /** Bytes that were planned for the run; all of them are held until it is closed. */
  long plannedBytes();
}
