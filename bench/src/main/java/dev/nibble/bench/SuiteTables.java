package dev.nibble.bench;

import dev.nibble.bench.BenchmarkCase.Kind;
import dev.nibble.bench.SuiteReport.Row;
import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A run of the suite as tables for the eye. */
final class SuiteTables {
  private final SuiteReport report;
  private final List<String> lines = new ArrayList<>();

  private SuiteTables(SuiteReport report) {
    this.report = report;
  }

  /** The lines of all tables. */
  static List<String> of(SuiteReport report) {
    SuiteTables tables = new SuiteTables(report);
    tables.head();
    Roofs roofs = report.roofs();
    if (roofs != null) {
      tables.roofs(roofs);
      tables.codes(roofs);
      tables.stages(roofs);
      tables.steps(roofs);
      tables.inference(roofs);
    }
    tables.peers();
    tables.notes();
    return tables.lines;
  }

  private void head() {
    lines.add("");
    lines.add("%s; %s; %s".formatted(report.cpu(), report.os(), report.jdk()));
    lines.add(
        "kernels %s; threads %d; commit %s; %s"
            .formatted(report.kernels(), report.threads(), report.commit(), report.date()));
  }

  private void roofs(Roofs roofs) {
    lines.add(
        ("peak %s GFLOP/s (%s a thread, fused multiply-adds in registers);"
                + " copy %s GB/s (one thread %s, read and written)")
            .formatted(
                digits(roofs.gflops()),
                digits(roofs.gflopsPerThread()),
                digits(roofs.gigabytes()),
                digits(roofs.gigabytesAlone())));
  }

  private void codes(Roofs roofs) {
    TextTable table =
        new TextTable(1, "codes", "time", "G values/s", "GB/s", "of copy", "heap/call");
    for (Row row : rows(Kind.CODES)) {
      Measurement m = row.measurement();
      table.add(
          m.benchmark().name(),
          time(m),
          digits(m.valuesPerSecond() / 1e9),
          digits(m.gigabytesPerSecond()),
          percent(m.gigabytesPerSecond() / roofs.gigabytes(m.benchmark().cores())),
          bytes(m.allocatedBytes()));
    }
    add("Codes on one thread: batch norm, ReLU and packing; restoring", table);
  }

  private void stages(Roofs roofs) {
    TextTable table =
        new TextTable(1, "stage", "time", "GFLOP/s", "of peak", "GB/s", "of copy", "heap/call");
    for (Row row : rows(Kind.STAGE)) {
      Measurement m = row.measurement();
      int cores = m.benchmark().cores();
      table.add(
          m.benchmark().name(),
          time(m),
          digits(m.gflops()),
          percent(m.gflops() / roofs.gflops(cores)),
          digits(m.gigabytesPerSecond()),
          percent(m.gigabytesPerSecond() / roofs.gigabytes(cores)),
          bytes(m.allocatedBytes()));
    }
    add(
        "Whole stages (batch norm, ReLU, codes, convolution, sums), 64 pictures a thread or as many as"
            + " make 16 MiB;\nGFLOP/s of the direct convolution, of which fast algorithms need less",
        table);
  }

  private void steps(Roofs roofs) {
    TextTable table =
        new TextTable(
            1,
            "step",
            "time",
            "images/s",
            "GFLOP/s",
            "of peak",
            "plan MiB",
            "moved MiB",
            "least MiB",
            "GB/s",
            "of copy",
            "heap/step");
    for (Row row : rows(Kind.STEP)) {
      Measurement m = row.measurement();
      StepMemory memory = row.memory();
      if (memory == null) {
        continue;
      }
      int cores = m.benchmark().cores();
      double gigabytes = memory.movedBytes() / m.seconds() / 1e9;
      table.add(
          m.benchmark().name(),
          time(m),
          digits(m.benchmark().pictures() / m.seconds()),
          digits(m.gflops()),
          percent(m.gflops() / roofs.gflops(cores)),
          digits(memory.planMib()),
          digits(memory.movedMib()),
          digits(memory.minimumMib()),
          digits(gigabytes),
          percent(gigabytes / roofs.gigabytes(cores)),
          bytes(m.allocatedBytes()));
    }
    add(
        "Training steps: forward, loss, backward, optimiser; bytes moved from and to planned buffers,\n"
            + "caches included, beside the least that the plan allows",
        table);
  }

  private void inference(Roofs roofs) {
    TextTable table =
        new TextTable(1, "inference", "time", "images/s", "GFLOP/s", "of peak", "heap/call");
    for (Row row : rows(Kind.INFERENCE)) {
      Measurement m = row.measurement();
      table.add(
          m.benchmark().name(),
          time(m),
          digits(m.benchmark().pictures() / m.seconds()),
          digits(m.gflops()),
          percent(m.gflops() / roofs.gflops(m.benchmark().cores())),
          bytes(m.allocatedBytes()));
    }
    add("Inference", table);
  }

  private void peers() {
    TextTable table = new TextTable(2, "peer", "what", "time", "Nibble / peer");
    for (JsonObject peer : report.peers()) {
      double seconds = seconds(peer);
      double own = counterpart(text(peer, "name"));
      table.add(
          text(peer, "peer"),
          text(peer, "name"),
          time(seconds),
          Double.isFinite(own / seconds) ? digits(own / seconds) : "-");
    }
    add("Peers, beside the int4 steps and the inference above", table);
  }

  /** Seconds of the line that does the same as a peer: its name begins the peer's. */
  private double counterpart(String peer) {
    for (Row row : report.rows()) {
      BenchmarkCase benchmark = row.measurement().benchmark();
      if (peer.startsWith(benchmark.label().replace(" int4 ", " ") + " ")) {
        return row.measurement().seconds();
      }
    }
    return Double.NaN;
  }

  private static String text(JsonObject peer, String name) {
    JsonValue value = peer.find(name);
    return value == null ? "-" : value.asString();
  }

  private static double seconds(JsonObject peer) {
    JsonValue value = peer.find("seconds");
    try {
      return value == null ? Double.NaN : value.asDouble();
    } catch (JsonException e) {
      return Double.NaN;
    }
  }

  private void notes() {
    if (!report.notes().isEmpty()) {
      lines.add("");
      lines.addAll(report.notes());
    }
  }

  private List<Row> rows(Kind kind) {
    return report.rows().stream().filter(r -> r.measurement().benchmark().kind() == kind).toList();
  }

  private void add(String title, TextTable table) {
    if (!table.isEmpty()) {
      lines.add("");
      lines.add(title);
      lines.addAll(table.lines());
    }
  }

  /** The time, and how sure it is: three iterations of the quick form can't tell. */
  private String time(Measurement m) {
    boolean sure = !report.quick() && Double.isFinite(m.error()) && m.seconds() > 0;
    return time(m.seconds())
        + (sure ? String.format(Locale.ROOT, " ±%3.0f %%", 100 * m.error() / m.seconds()) : "");
  }

  /** A time with three digits and its unit. */
  static String time(double seconds) {
    if (!Double.isFinite(seconds)) {
      return "-";
    }
    if (seconds >= 1) {
      return digits(seconds) + " s";
    }
    return seconds >= 1e-3 ? digits(1e3 * seconds) + " ms" : digits(1e6 * seconds) + " us";
  }

  /** Three digits. */
  static String digits(double value) {
    double size = Math.abs(value);
    return String.format(
        Locale.ROOT, size >= 99.95 ? "%.0f" : size >= 9.995 ? "%.1f" : "%.2f", value);
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.0f %%", 100 * share);
  }

  private static String bytes(double bytes) {
    if (!Double.isFinite(bytes)) {
      return "-";
    }
    return bytes < 1023.5
        ? String.format(Locale.ROOT, "%.0f B", bytes)
        : digits(bytes / 1024) + " KiB";
  }
}
