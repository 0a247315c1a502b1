package dev.nibble.samples;

import java.io.PrintWriter;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.ResourceBundle;
import org.jspecify.annotations.Nullable;

/**
 * Writes what the service logs to standard error, a line each: time, level, sentence. Not by way of
 * the system's own logging, which falls silent as soon as the process is told to end.
 */
final class ServeLog implements System.Logger {
  private static final Map<String, Level> LEVELS =
      Map.of(
          "debug", Level.DEBUG,
          "info", Level.INFO,
          "warning", Level.WARNING,
          "off", Level.OFF);

  private final PrintWriter err;
  private final Level least;

  /**
   * A log.
   *
   * @param level debug, info, warning or off
   * @throws BadInputException if it is none of these
   */
  ServeLog(PrintWriter err, String level) {
    String name = Names.choose("--log", level, List.of("debug", "info", "warning", "off"));
    this.err = err;
    this.least = LEVELS.getOrDefault(name, Level.INFO);
  }

  @Override
  public String getName() {
    return "serve";
  }

  @Override
  public boolean isLoggable(Level level) {
    return level != Level.OFF && level.getSeverity() >= least.getSeverity();
  }

  @Override
  public void log(
      Level level,
      @Nullable ResourceBundle bundle,
      @Nullable String message,
      @Nullable Throwable thrown) {
    if (!isLoggable(level)) {
      return;
    }
    synchronized (this) {
      err.println(Instant.now().truncatedTo(ChronoUnit.MILLIS) + " " + level + " " + message);
      if (thrown != null) {
        thrown.printStackTrace(err);
      }
      err.flush();
    }
  }

  @Override
  public void log(
      Level level,
      @Nullable ResourceBundle bundle,
      @Nullable String format,
      @Nullable Object... parameters) {
    log(level, bundle, format, (Throwable) null);
  }
}
