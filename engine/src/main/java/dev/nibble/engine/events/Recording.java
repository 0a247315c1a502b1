package dev.nibble.engine.events;

import jdk.jfr.FlightRecorder;

/**
 * Whether there can be a flight recording at all. The first event class that a JVM loads costs a
 * tenth of a second, which a program's first prediction would wait for.
 */
public final class Recording {
  private Recording() {}

  /** Whether a recording was ever started in this JVM. */
  public static boolean isPossible() {
    return FlightRecorder.isInitialized();
  }
}
