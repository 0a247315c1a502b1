package dev.nibble.bench;

import dev.nibble.engine.json.JsonValue.JsonObject;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A run of the suite, whole or broken off.
 *
 * @param commit of the checkout
 * @param date when it began, ISO 8601
 * @param command what was typed
 * @param cpu the processor
 * @param os the operating system
 * @param jdk the JDK
 * @param kernels the kernels' description
 * @param threads threads of stages, steps and inference
 * @param quick whether the short form ran
 * @param roofs what shares are shares of; null where the run ended before they were known
 * @param rows what was measured, in order
 * @param peers what the peers' programs printed, one object each
 * @param notes what was left out, and why, a sentence each
 */
record SuiteReport(
    String commit,
    String date,
    String command,
    String cpu,
    String os,
    String jdk,
    String kernels,
    int threads,
    boolean quick,
    @Nullable Roofs roofs,
    List<Row> rows,
    List<JsonObject> peers,
    List<String> notes) {
  /**
   * One measured line.
   *
   * @param measurement time and allocation
   * @param memory what a step needs and moves; null for all but steps
   */
  record Row(Measurement measurement, @Nullable StepMemory memory) {}

  /** Copies the lists. */
  SuiteReport {
    rows = List.copyOf(rows);
    peers = List.copyOf(peers);
    notes = List.copyOf(notes);
  }
}
