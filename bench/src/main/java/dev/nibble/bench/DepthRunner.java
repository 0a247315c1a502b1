package dev.nibble.bench;

import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Measures rows of the sweep over depth, each in a process of its own. */
final class DepthRunner {
  private static final double MIB = 1 << 20;
  private static final double GIB = 1 << 30;

  /** What of the machine's memory a step may take, and what PyTorch may be expected to keep. */
  private static final double OWN_SHARE = 0.7;

  private static final double PYTORCH_SHARE = 0.5;

  /** PyTorch keeps about three times what the plan of fp32 mode holds, at every depth measured. */
  private static final double PYTORCH_FACTOR = 3;

  private final int threads;
  private final Kernels kernels;
  private final Peers peers;

  DepthRunner(int threads, Kernels kernels, Peers peers) {
    this.threads = threads;
    this.kernels = kernels;
    this.peers = peers;
  }

  /** The row as JSON: with its seconds, or with the reason why it has none. */
  JsonObject measure(DepthCase row) throws IOException, InterruptedException {
    StoreFormat store = row.store();
    return store == null ? pytorch(row) : nibble(row, store);
  }

  private JsonObject nibble(DepthCase row, StoreFormat store)
      throws IOException, InterruptedException {
    long bytes = NetworkWork.memory(row.model(), row.batch(), store, threads, kernels).planBytes();
    JsonObject.Builder params = params(row);
    if (!row.memoryLimit().isEmpty()) {
      params.put("memory_limit", row.memoryLimit());
    }
    JsonObject said = null;
    if (bytes > OWN_SHARE * Machine.memoryBytes()) {
      params.put(
          "skipped",
          "its %s are too many for this machine's %s".formatted(gib((double) bytes), memory()));
    } else {
      said = timing(row);
    }
    JsonObject.Builder json = row(row, params).put("plan_mib", rounded(bytes / MIB));
    if (said != null) {
      json.put("seconds", said.get("step_seconds"));
      json.put("fastest", said.get("fastest"));
      json.put("slowest", said.get("slowest"));
    }
    return json.build();
  }

  private JsonObject timing(DepthCase row) throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Xmx1g",
                "-cp",
                System.getProperty("java.class.path"),
                StepTiming.class.getName(),
                row.model(),
                "" + row.batch(),
                "" + threads,
                row.storeName(),
                "" + row.steps(),
                "" + row.warmup()));
    command.addAll(row.memoryLimit().isEmpty() ? List.of() : List.of(row.memoryLimit()));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int code = process.waitFor();
    try {
      if (code == 0) {
        return JsonParser.parse(out.strip()).asObject();
      }
    } catch (JsonException e) {
      throw new IOException(row.name() + " printed no JSON but '" + out.strip() + "'", e);
    }
    throw new IOException(row.name() + " ended with the exit code " + code + ", see above");
  }

  /** The faster of two settings. */
  private JsonObject pytorch(DepthCase row) throws InterruptedException {
    JsonObject.Builder params = params(row);
    long fp32 =
        NetworkWork.memory(row.model(), row.batch(), StoreFormat.FP32, threads, kernels)
            .planBytes();
    double expected = PYTORCH_FACTOR * fp32;
    if (expected > PYTORCH_SHARE * Machine.memoryBytes()) {
      params.put(
          "skipped",
          "it would keep about %s (three times the plan of fp32 mode, as at smaller depths), more than half of this machine's %s"
              .formatted(gib(expected), memory()));
      return row(row, params).build();
    }
    JsonObject best = null;
    String why = "";
    for (String setting : new String[] {"", "--channels-last"}) {
      Peers.Outcome outcome = peers.run(program(row, setting));
      why = outcome.missing() == null ? why : outcome.missing();
      best = faster(best, outcome.result());
    }
    if (best == null) {
      return row(row, params.put("skipped", why)).build();
    }
    copy(best, params, "peer", "channels_last");
    JsonObject.Builder json = row(row, params);
    copy(best, json, "seconds", "saved_mib", "peak_rss_above_start_mib");
    return json.build();
  }

  private static @Nullable JsonObject faster(@Nullable JsonObject a, @Nullable JsonObject b) {
    if (a == null || b == null) {
      return a == null ? b : a;
    }
    return a.get("seconds").asDouble() <= b.get("seconds").asDouble() ? a : b;
  }

  private Peers.Program program(DepthCase row, String setting) {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(List.of("--model", row.model(), "--batch", "" + row.batch()));
    // Its first step sets everything up and is not timed.
    int steps = Math.min(row.steps(), 6) + 1;
    arguments.addAll(List.of("--threads", "" + threads, "--steps", "" + steps));
    arguments.addAll(setting.isEmpty() ? List.of() : List.of(setting));
    return new Peers.Program(row.name(), "pytorch_step.py", arguments, "torch numpy");
  }

  private static void copy(JsonObject from, JsonObject.Builder to, String... names) {
    for (String name : names) {
      JsonValue value = from.find(name);
      if (value != null) {
        to.put(name, value);
      }
    }
  }

  private JsonObject.Builder params(DepthCase row) {
    return JsonObject.builder()
        .put("model", row.model())
        .put("depth", row.depth())
        .put("batch", row.batch())
        .put("store", row.storeName());
  }

  private JsonObject.Builder row(DepthCase row, JsonObject.Builder params) {
    return JsonObject.builder()
        .put("kind", "depth")
        .put("name", row.name())
        .put("params", params.build())
        .put("threads", threads);
  }

  private static double rounded(double value) {
    return Double.parseDouble(String.format(Locale.ROOT, "%.2f", value));
  }

  private static String memory() {
    return gib((double) Machine.memoryBytes());
  }

  private static String gib(double bytes) {
    return String.format(Locale.ROOT, "%.1f GiB", bytes / GIB);
  }
}
