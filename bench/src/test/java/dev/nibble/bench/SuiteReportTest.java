package dev.nibble.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.bench.SuiteReport.Row;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonWriter;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class SuiteReportTest {
  private static final Roofs ROOFS = new Roofs(2, 200, 40, 30);

  private static Row row(String label, double seconds) {
    BenchmarkCase benchmark =
        SuiteCases.all(true, 2, 200).stream()
            .filter(c -> c.label().equals(label))
            .findFirst()
            .orElseThrow();
    StepMemory memory =
        label.startsWith("step") ? new StepMemory(50L << 20, 3L << 30, 2L << 30) : null;
    return new Row(new Measurement(benchmark, seconds, seconds / 10, 12, 3456), memory);
  }

  private static SuiteReport report(@Nullable Roofs roofs) {
    List<Row> rows = new ArrayList<>();
    if (roofs != null) {
      rows.add(row("codes int4 unpack in cache", 1.6384e-6));
      rows.add(row("stage 32x32x16-3x3-s1-16 int4 forward", 0.006039797));
      rows.add(row("step resnet20 int4 batch 128", 0.16));
      rows.add(row("inference resnet20 batch 128", 0.064));
    }
    JsonObject peer =
        JsonParser.parse("{\"peer\": \"pytorch\", \"step_seconds\": 0.25, \"batch\": 128}")
            .asObject();
    Peers.Program program =
        new Peers.Program("step resnet20 batch 128 PyTorch", "x.py", List.of(), "torch");
    return new SuiteReport(
        "abc1234",
        "2026-11-24T12:00Z",
        "nibble bench --quick",
        "cpu",
        "os",
        "jdk",
        "vector",
        2,
        true,
        roofs,
        rows,
        List.of(Peers.result(program, peer)),
        List.of("Skipped one: it is not there."));
  }

  @Test
  void tablesShowFiguresAndShares() {
    List<String> lines = SuiteTables.of(report(ROOFS));
    assertThat(lines).anyMatch(l -> l.contains("peak 200 GFLOP/s (100 a thread"));
    // 2 threads x 64 pictures x 4,718,592 operations and x 139,264 bytes in 6.04 ms.
    assertThat(lines)
        .anyMatch(
            l ->
                l.strip()
                    .matches(
                        "32x32x16-3x3-s1-16 int4 forward +6.04 ms +100 +50 % +2.95 +7 % +12 B"));
    // 16,384 values and 8,192 bytes in 1.6384 us, against what one thread copies alone.
    assertThat(lines)
        .anyMatch(l -> l.strip().matches("int4 unpack in cache +1.64 us +10.0 +5.00 +17 % +12 B"));
    assertThat(lines)
        .anyMatch(
            l ->
                l.strip()
                    .matches(
                        "resnet20 int4 batch 128 +160 ms +800 .* 50.0 +3072 +2048 +20.1 +50 % +12 B"));
    assertThat(lines).anyMatch(l -> l.strip().matches("resnet20 batch 128 +64.0 ms +2000 .*"));
    assertThat(lines)
        .anyMatch(l -> l.strip().matches("pytorch +step resnet20 batch 128 PyTorch +250 ms +0.64"));
    assertThat(lines).contains("Skipped one: it is not there.");
  }

  @Test
  void jsonReadsBack() {
    String text = JsonWriter.indented(SuiteJson.of(report(ROOFS)));
    JsonObject json = JsonParser.parse(text).asObject();
    assertThat(json.get("commit").asString()).isEqualTo("abc1234");
    assertThat(json.get("quick").asBoolean()).isTrue();
    assertThat(json.get("peak").asObject().get("fma_gflops_per_thread").asDouble()).isEqualTo(100);
    assertThat(json.get("peak").asObject().get("copy_gbs").asDouble()).isEqualTo(40);
    List<JsonObject> results =
        json.get("results").asList().stream().map(value -> value.asObject()).toList();
    assertThat(results)
        .extracting(r -> r.get("kind").asString())
        .containsExactly("codes", "stage", "step", "inference", "peer");
    JsonObject stage = results.get(1);
    assertThat(stage.get("params").asObject().get("shape").asString())
        .isEqualTo("32x32x16-3x3-s1-16");
    assertThat(stage.get("params").asObject().get("pass").asString()).isEqualTo("forward");
    assertThat(stage.get("params").asObject().get("store").asString()).isEqualTo("int4");
    assertThat(stage.get("gflop").asDouble()).isEqualTo(0.60398);
    assertThat(stage.get("share_of_peak").asDouble()).isEqualTo(0.5);
    assertThat(stage.get("allocated_bytes").asDouble()).isEqualTo(12);
    JsonObject step = results.get(2);
    assertThat(step.get("plan_mib").asDouble()).isEqualTo(50);
    assertThat(step.get("moved_mib").asDouble()).isEqualTo(3072);
    assertThat(step.get("minimum_mib").asDouble()).isEqualTo(2048);
    assertThat(step.get("images_per_second").asDouble()).isEqualTo(800);
    assertThat(step.get("params").asObject().get("batch").asLong()).isEqualTo(128);
    assertThat(results.get(4).get("seconds").asDouble()).isEqualTo(0.25);
  }

  @Test
  void aRunBrokenOffAtOnceStillReports() {
    SuiteReport report = report(null);
    assertThat(SuiteTables.of(report)).anyMatch(l -> l.contains("commit abc1234"));
    assertThat(SuiteJson.of(report).find("peak")).isNull();
    assertThat(SuiteJson.of(report).get("results").asList()).hasSize(1);
  }
}
