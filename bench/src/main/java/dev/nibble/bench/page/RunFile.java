package dev.nibble.bench.page;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import java.util.List;

/**
 * One run of a measuring program.
 *
 * @param file its name in the folder of results
 * @param commit of the checkout that was measured
 * @param date when it began, ISO 8601
 * @param command what was typed
 * @param cpu the processor
 * @param os the operating system
 * @param jdk the JDK
 * @param kernels the kernels' description
 * @param threads threads of stages, steps and inference
 * @param quick whether the suite's short form ran
 * @param peak the machine's roofs in the same run
 * @param results what was measured, in order
 * @param notes what was left out, and why, a sentence each
 */
record RunFile(
    String file,
    String commit,
    String date,
    String command,
    String cpu,
    String os,
    String jdk,
    String kernels,
    int threads,
    boolean quick,
    Peak peak,
    List<Result> results,
    List<String> notes) {
  /**
   * The roofs; each NaN where it was not measured.
   *
   * @param gflopsPerThread 10^9 floating-point operations a second and thread
   * @param copy 10^9 bytes a second, read and written by all threads
   * @param copyAlone the same by one thread
   */
  record Peak(double gflopsPerThread, double copy, double copyAlone) {
    static final Peak NONE = new Peak(Double.NaN, Double.NaN, Double.NaN);

    private static Peak of(JsonObject json) {
      double copy = json.get("copy_gbs").asDouble();
      JsonValue alone = json.find("copy_gbs_one_thread");
      return new Peak(
          json.get("fma_gflops_per_thread").asDouble(),
          copy,
          alone == null ? copy : alone.asDouble());
    }

    /** The compute roof of so many threads. */
    double gflops(int threads) {
      return gflopsPerThread * threads;
    }

    /** The bandwidth roof of one thread alone or of all. */
    double copy(int threads) {
      return threads == 1 ? copyAlone : copy;
    }
  }

  static RunFile of(String file, JsonObject json) {
    JsonValue peak = json.find("peak");
    JsonValue notes = json.find("notes");
    return new RunFile(
        file,
        json.get("commit").asString(),
        json.get("date").asString(),
        json.get("command").asString(),
        json.get("cpu").asString(),
        json.get("os").asString(),
        json.get("jdk").asString(),
        json.get("kernels").asString(),
        Math.toIntExact(json.get("threads").asLong()),
        json.get("quick").asBoolean(),
        peak == null ? Peak.NONE : Peak.of(peak.asObject()),
        json.get("results").asList().stream().map(r -> Result.of(r.asObject())).toList(),
        notes == null ? List.of() : notes.asList().stream().map(JsonValue::asString).toList());
  }

  List<Result> results(String kind) {
    return results.stream().filter(result -> result.kind().equals(kind)).toList();
  }
}
