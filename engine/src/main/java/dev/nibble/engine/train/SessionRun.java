package dev.nibble.engine.train;

import dev.nibble.engine.exec.Session;
import dev.nibble.engine.network.Parameter;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Shows listeners a session without handing it out. */
record SessionRun(Session session, int batch, long startStep, long totalSteps, long stepsPerEpoch)
    implements TrainingRun {
  @Override
  public String network() {
    return session.network().name();
  }

  @Override
  public List<Parameter> parameters() {
    return session.network().parameters();
  }

  @Override
  public MemorySegment values(Parameter parameter) {
    return session.values(parameter).asReadOnly();
  }

  @Override
  public long plannedBytes() {
    return session.usedBytes();
  }
}
