package dev.nibble.samples.serve;

import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What the service does, a line each: its start and end, versions, trainings, refusals; and every
 * request at debug level.
 */
final class ServiceLog {
  /** The name of the logger where no other is given. */
  static final String NAME = "dev.nibble.samples.serve";

  /** Refusals a second that are written; a flood of them must not fill the disk. */
  private static final int REFUSALS = 20;

  private static final int LONGEST = 500;

  private final System.Logger logger;
  private final TokenBucket refusals = new TokenBucket(REFUSALS, System::nanoTime);
  private final AtomicLong unwritten = new AtomicLong();

  ServiceLog(System.Logger logger) {
    this.logger = logger;
  }

  /** An event that an operator wants to see. */
  void say(String sentence) {
    logger.log(System.Logger.Level.INFO, oneLine(sentence));
  }

  /** A request that was not granted, with the reason that its client was given. */
  void refused(String method, String path, int status, String reason, String id) {
    if (!refusals.tryTake()) {
      unwritten.incrementAndGet();
      return;
    }
    long more = unwritten.getAndSet(0);
    String line =
        oneLine(
            "Refused %s %s with %d (request %s): %s".formatted(method, path, status, id, reason));
    logger.log(
        System.Logger.Level.INFO,
        more == 0 ? line : "%s (%d more before were not written)".formatted(line, more));
  }

  /** Any request, answered. */
  void answered(String method, String path, int status, long nanos, String id) {
    if (logger.isLoggable(System.Logger.Level.DEBUG)) {
      logger.log(
          System.Logger.Level.DEBUG,
          oneLine(
              String.format(
                  Locale.ROOT,
                  "%s %s: %d in %.1f ms (request %s)",
                  method,
                  path,
                  status,
                  nanos / 1e6,
                  id)));
    }
  }

  /** What clients send must not make lines of its own, nor move a terminal's cursor. */
  static String oneLine(String text) {
    String line = text.replaceAll("[\\p{Cntrl}\\u2028\\u2029]+", " ").strip();
    return line.length() <= LONGEST ? line : line.substring(0, LONGEST) + "...";
  }
}
