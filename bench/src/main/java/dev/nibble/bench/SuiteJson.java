package dev.nibble.bench;

import dev.nibble.bench.BenchmarkCase.Kind;
import dev.nibble.bench.SuiteReport.Row;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A run of the suite as JSON.
 *
 * <p>One object: {@code commit}, {@code date}, {@code command}, {@code cpu}, {@code os}, {@code
 * jdk}, {@code kernels}, {@code threads}, {@code quick}, {@code peak} and {@code results}. {@code
 * peak} holds {@code fma_gflops} and {@code copy_gbs} of all threads, {@code fma_gflops_per_thread}
 * and {@code copy_gbs_one_thread}. A result holds {@code kind} (codes, stage, step, inference),
 * {@code name}, {@code params}, {@code threads} (that computed), {@code seconds} of a call, {@code
 * error} (half of the 99.9 % confidence interval), {@code allocated_bytes} of a call, {@code
 * profiled_bytes} (the same by JMH's profiler, its own included), and, where it has a meaning:
 * {@code gflop} and {@code bytes} of a call of all threads together, {@code gflops} and {@code
 * share_of_peak}, {@code gbs} and {@code share_of_copy}, {@code values_per_second}, {@code
 * images_per_second}, {@code plan_mib}, {@code moved_mib} and {@code minimum_mib} ({@link
 * StepMemory}). A peer's result has the kind {@code peer} and all that its program printed.
 */
final class SuiteJson {
  private SuiteJson() {}

  /** The whole run. */
  static JsonObject of(SuiteReport report) {
    JsonObject.Builder json =
        JsonObject.builder()
            .put("commit", report.commit())
            .put("date", report.date())
            .put("command", report.command())
            .put("cpu", report.cpu())
            .put("os", report.os())
            .put("jdk", report.jdk())
            .put("kernels", report.kernels())
            .put("threads", report.threads())
            .put("quick", report.quick());
    Roofs roofs = report.roofs();
    List<JsonValue> results = new ArrayList<>();
    if (roofs != null) {
      json.put("peak", peak(roofs));
      report.rows().forEach(row -> results.add(result(row, roofs)));
    }
    results.addAll(report.peers());
    json.put("results", JsonValue.array(results));
    json.put("notes", JsonValue.array(report.notes().stream().map(JsonValue::of).toList()));
    return json.build();
  }

  private static JsonObject peak(Roofs roofs) {
    return JsonObject.builder()
        .put("fma_gflops", rounded(roofs.gflops()))
        .put("fma_gflops_per_thread", rounded(roofs.gflopsPerThread()))
        .put("copy_gbs", rounded(roofs.gigabytes()))
        .put("copy_gbs_one_thread", rounded(roofs.gigabytesAlone()))
        .build();
  }

  private static JsonObject result(Row row, Roofs roofs) {
    Measurement m = row.measurement();
    BenchmarkCase benchmark = m.benchmark();
    int cores = benchmark.cores();
    JsonObject.Builder json =
        JsonObject.builder()
            .put("kind", benchmark.kind().text())
            .put("name", benchmark.name())
            .put("params", params(benchmark))
            .put("threads", cores);
    number(json, "seconds", m.seconds());
    number(json, "error", m.error());
    number(json, "allocated_bytes", m.allocatedBytes());
    number(json, "profiled_bytes", m.profiledBytes());
    StageWork work = benchmark.work();
    if (work.flops() > 0) {
      number(json, "gflop", work.flops() / 1e9);
      number(json, "gflops", m.gflops());
      number(json, "share_of_peak", m.gflops() / roofs.gflops(cores));
    }
    if (work.bytes() > 0) {
      number(json, "bytes", work.bytes());
      number(json, "gbs", m.gigabytesPerSecond());
      number(json, "share_of_copy", m.gigabytesPerSecond() / roofs.gigabytes(cores));
    }
    if (benchmark.kind() == Kind.CODES) {
      number(json, "values_per_second", m.valuesPerSecond());
    }
    if (benchmark.kind() == Kind.STEP || benchmark.kind() == Kind.INFERENCE) {
      number(json, "images_per_second", benchmark.pictures() / m.seconds());
    }
    StepMemory memory = row.memory();
    if (memory != null) {
      number(json, "plan_mib", memory.planMib());
      number(json, "moved_mib", memory.movedMib());
      number(json, "minimum_mib", memory.minimumMib());
    }
    return json.build();
  }

  /** JMH's parameters, and which pass it was. */
  private static JsonObject params(BenchmarkCase benchmark) {
    JsonObject.Builder json = JsonObject.builder();
    benchmark
        .params()
        .forEach(
            (key, value) -> {
              if (value.chars().allMatch(Character::isDigit)) {
                json.put(key, Long.parseLong(value));
              } else {
                json.put(key, value.toLowerCase(Locale.ROOT));
              }
            });
    if (benchmark.kind() == Kind.STAGE || benchmark.kind() == Kind.CODES) {
      json.put("pass", benchmark.pass());
    }
    return json.build();
  }

  /** Leaves out what is not known. */
  private static void number(JsonObject.Builder json, String name, double value) {
    if (Double.isFinite(value)) {
      json.put(name, rounded(value));
    }
  }

  /** Six digits: no measurement has more. */
  private static double rounded(double value) {
    return value == 0 ? 0 : Double.parseDouble(String.format(Locale.ROOT, "%.6g", value));
  }
}
