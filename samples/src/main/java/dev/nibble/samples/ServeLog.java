package dev.nibble.samples;

import dev.nibble.samples.serve.ServiceLog;
import java.io.PrintWriter;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Writes what the service logs to standard error, a line each: time, level, sentence. */
final class ServeLog implements AutoCloseable {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ISO_INSTANT.withZone(ZoneOffset.UTC);

  /** Held here: the system keeps a logger only as long as somebody does. */
  private final Logger logger = Logger.getLogger(ServiceLog.NAME);

  private final Lines lines;
  private final @Nullable Level before = logger.getLevel();

  private ServeLog(PrintWriter err, Level level) {
    lines = new Lines(err);
    lines.setLevel(level);
    logger.setLevel(level);
    logger.setUseParentHandlers(false);
    logger.addHandler(lines);
  }

  /**
   * Writes from here on.
   *
   * @param level debug, info, warning or off
   * @throws BadInputException if it is none of these
   */
  static ServeLog open(PrintWriter err, String level) {
    String name = Names.choose("--log", level, List.of("debug", "info", "warning", "off"));
    return new ServeLog(
        err,
        switch (name) {
          case "debug" -> Level.FINE;
          case "info" -> Level.INFO;
          case "warning" -> Level.WARNING;
          default -> Level.OFF;
        });
  }

  @Override
  public void close() {
    logger.removeHandler(lines);
    logger.setUseParentHandlers(true);
    logger.setLevel(before);
  }

  /** The lines as they are written. */
  private static final class Lines extends Handler {
    private final PrintWriter err;

    private Lines(PrintWriter err) {
      this.err = err;
    }

    @Override
    public void publish(LogRecord written) {
      if (!isLoggable(written)) {
        return;
      }
      int level = written.getLevel().intValue();
      String name =
          level >= Level.SEVERE.intValue()
              ? "ERROR"
              : level >= Level.WARNING.intValue()
                  ? "WARNING"
                  : level >= Level.INFO.intValue() ? "INFO" : "DEBUG";
      String time = TIME.format(written.getInstant().truncatedTo(ChronoUnit.MILLIS));
      synchronized (err) {
        err.println(time + " " + name + " " + written.getMessage());
        Throwable thrown = written.getThrown();
        if (thrown != null) {
          thrown.printStackTrace(err);
        }
        err.flush();
      }
    }

    @Override
    public void flush() {
      err.flush();
    }

    @Override
    public void close() {
      err.flush();
    }
  }
}
