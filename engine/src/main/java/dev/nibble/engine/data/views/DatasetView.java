package dev.nibble.engine.data.views;

import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.Resizing;
import dev.nibble.engine.data.Task;

/** Shows another data set's pictures; borrows it, so closing the view leaves it open. */
abstract class DatasetView implements Dataset {
  private final Dataset source;

  DatasetView(Dataset source) {
    this.source = source;
  }

  @Override
  public int height() {
    return source.height();
  }

  @Override
  public int width() {
    return source.width();
  }

  @Override
  public int channels() {
    return source.channels();
  }

  @Override
  public Task task() {
    return source.task();
  }

  @Override
  public Resizing resizing() {
    return source.resizing();
  }

  @Override
  public void close() {
    // What is shown belongs to someone else.
  }
}
