package dev.nibble.engine.train;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** Several listeners in one; each hears everything, in their order. */
final class Listeners implements TrainingListener {
  private final List<TrainingListener> all;

  Listeners(List<TrainingListener> all) {
    this.all = List.copyOf(all);
  }

  private void each(Consumer<TrainingListener> call) {
    all.forEach(call);
  }

  @Override
  public void onStart(TrainingRun run) {
    each(listener -> listener.onStart(run));
  }

  @Override
  public void onStep(Step step) {
    each(listener -> listener.onStep(step));
  }

  @Override
  public void onEpoch(Epoch epoch) {
    each(listener -> listener.onEpoch(epoch));
  }

  @Override
  public void onCheckpoint(long step, Path file) {
    each(listener -> listener.onCheckpoint(step, file));
  }

  @Override
  public void onWarning(String sentence) {
    each(listener -> listener.onWarning(sentence));
  }
}
