package dev.nibble.engine.tensorboard;

import dev.nibble.engine.files.Disk;
import dev.nibble.engine.protobuf.MessageWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.time.Clock;

/**
 * Encodes events and writes them; the numbers are the fields' in TensorFlow's {@code event.proto}
 * and {@code summary.proto}.
 */
final class EventWriter implements AutoCloseable {
  private static final String VERSION = "brain.Event:2";

  private final EventFile file;
  private final Clock clock;
  private final MessageWriter event = new MessageWriter();
  private final MessageWriter summary = new MessageWriter();
  private final MessageWriter value = new MessageWriter();
  private final MessageWriter inner = new MessageWriter();
  private final Histogram histogram = new Histogram();

  private EventWriter(EventFile file, Clock clock) {
    this.file = file;
    this.clock = clock;
  }

  /**
   * Creates an event file that holds its version and nothing else.
   *
   * @throws IOException if it cannot be written
   */
  static EventWriter create(Disk disk, Path folder, Clock clock) throws IOException {
    EventFile file = EventFile.create(disk, folder, clock.instant().getEpochSecond());
    EventWriter writer = new EventWriter(file, clock);
    try {
      writer.begin(0);
      writer.event.text(3, VERSION);
      file.write(writer.event);
    } catch (IOException e) {
      file.close();
      throw e;
    }
    return writer;
  }

  Path path() {
    return file.path();
  }

  private void begin(long step) {
    event.clear();
    event.floating(1, clock.millis() / 1e3);
    event.integer(2, step);
  }

  /** Tells the reader to forget what other files of the folder say from this step on. */
  void restart(long step) throws IOException {
    begin(step);
    inner.clear();
    inner.integer(1, 1); // SessionLog.status = START
    event.message(7, inner);
    file.write(event);
  }

  /** A scalar for the next event. */
  void scalar(String tag, double number) {
    value.clear();
    value.text(1, tag);
    value.floating(2, (float) number);
    summary.message(1, value);
  }

  /** A histogram for the next event; nothing if no value is finite. */
  void histogram(String tag, MemorySegment values) {
    histogram.fill(values);
    if (!histogram.isEmpty()) {
      inner.clear();
      histogram.encode(inner);
      value.clear();
      value.text(1, tag);
      value.message(5, inner);
      summary.message(1, value);
    }
  }

  /** Writes what was collected, if there is any. */
  void write(long step) throws IOException {
    if (summary.size() == 0) {
      return;
    }
    begin(step);
    event.message(5, summary);
    summary.clear();
    file.write(event);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
