package dev.nibble.samples;

import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.engine.train.TrainingPlan;
import dev.nibble.engine.train.TrainingPlan.KeptActivation;
import dev.nibble.engine.train.TrainingPlan.PlannedBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The memory plan of a training run as JSON, as {@code nibble plan} and plan.json show it. */
final class PlanReport {
  private PlanReport() {}

  /** The figures and every buffer. */
  static JsonObject json(TrainingPlan plan, @Nullable Long limit) {
    Network network = plan.network();
    TrainingOptions options = plan.options();
    JsonObject.Builder json = JsonObject.builder();
    json.put("model", network.name());
    json.put("input", network.input().toString());
    json.put("classes", network.classes());
    json.put("parameters", network.parameterCount());
    json.put("batch", options.batch());
    json.put("activations", options.mixed() == null ? options.store().fitted().text() : "mixed");
    json.put("codes", options.store().isUniform() ? "uniform" : "fitted");
    json.put("naive", options.naive());
    json.put("threads", options.threads());
    json.put("kernels", plan.kernels().name());
    json.put("kernels_description", plan.kernels().description());
    json.put("total_bytes", plan.totalBytes());
    json.put("store_bytes", plan.storeBytes());
    json.put("buffer_bytes", plan.commonBytes());
    json.put("weights_bytes", plan.weightsBytes());
    json.put("batch_bytes", plan.batchBytes());
    json.put("other_bytes", plan.otherBytes());
    json.put("scratch_bytes", plan.scratchBytes());
    json.put("staging_bytes", plan.stagingBytes());
    json.put("slab_bytes", plan.slabBytes());
    json.put("lower_bound_bytes", plan.lowerBoundBytes());
    json.put("fp32_total_bytes", plan.fp32Bytes());
    json.put("keep_everything_bytes", plan.keepEverythingBytes());
    json.put("moved_bytes", plan.movedBytes());
    json.put("minimum_moved_bytes", plan.leastMovedBytes());
    if (limit == null) {
      json.put("memory_limit_bytes", new JsonValue.JsonNull());
      json.put("largest_batch", new JsonValue.JsonNull());
    } else {
      json.put("memory_limit_bytes", limit);
      json.put("largest_batch", plan.largestBatch(limit));
    }
    json.put("stages", plan.stages());
    json.put("average_bits", plan.averageBits());
    json.put("formats", formats(plan));
    json.put("recomputed", recomputed(options));
    json.put("buffers", buffers(plan));
    return json.build();
  }

  /** Of each activation of which codes are kept, by the layer that keeps it. */
  private static JsonValue formats(TrainingPlan plan) {
    Map<String, String> formats = new LinkedHashMap<>();
    for (KeptActivation kept : plan.kept()) {
      formats.put(kept.layer(), kept.format().fitted().text());
    }
    return JsonValue.object(formats);
  }

  /** The first and the last layer of each run that is computed twice. */
  private static JsonValue recomputed(TrainingOptions options) {
    List<JsonValue> list = new ArrayList<>();
    options
        .recomputed()
        .forEach(
            run ->
                list.add(
                    JsonObject.builder()
                        .put("first", run.first())
                        .put("last", run.last())
                        .build()));
    return JsonValue.array(list);
  }

  private static JsonValue buffers(TrainingPlan plan) {
    List<JsonValue> list = new ArrayList<>();
    for (PlannedBuffer buffer : plan.buffers()) {
      list.add(
          JsonObject.builder()
              .put("name", buffer.name())
              .put("kind", buffer.kind())
              .put("bytes", buffer.bytes())
              .put("offset", buffer.offset())
              .put("first_use", buffer.firstUse())
              .put("last_use", buffer.lastUse())
              .build());
    }
    return JsonValue.array(list);
  }
}
