package dev.nibble.samples;

import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.SessionOptions;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.plan.Buffer;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.engine.plan.StepTraffic;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.plan.Placement;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The memory plan of a training run in figures, as {@code nibble plan} and plan.json show it. */
final class PlanReport {
  private final Network network;
  private final TrainingOptions options;
  private final Kernels kernels;
  private final ExecutionPlan plan;
  private final long total;

  PlanReport(Network network, TrainingOptions options, Kernels kernels) {
    this.network = network;
    this.options = options;
    this.kernels = kernels;
    this.plan = Trainer.plan(network, options);
    this.total = bytes(plan);
  }

  private long bytes(ExecutionPlan of) {
    SessionOptions session =
        new SessionOptions(options.threads(), options.momentum(), options.weightDecay());
    return Session.bytes(of, session, kernels);
  }

  /** The plan itself. */
  ExecutionPlan plan() {
    return plan;
  }

  /** Bytes that a run allocates: the slab and the threads' scratch. */
  long totalBytes() {
    return total;
  }

  /** Bytes of the threads' scratch; they do not depend on the batch. */
  long scratchBytes() {
    return total - plan.memory().totalBytes();
  }

  /** Parameters, gradients, momentum and running statistics. */
  long weightsBytes() {
    return plan.bytes(Buffer.Kind.WEIGHTS);
  }

  /** Activations stored for the backward pass. */
  long storeBytes() {
    return plan.bytes(Buffer.Kind.STORE);
  }

  /** The loader's batches. */
  long batchBytes() {
    return plan.bytes(Buffer.Kind.BATCH);
  }

  /** Channel tables, partial sums and the like. */
  long otherBytes() {
    return plan.bytes(Buffer.Kind.OTHER);
  }

  /**
   * What the common buffers add: the slab without the other kinds, which all live at the same time.
   * They share memory, so it is less than their sum.
   */
  long bufferBytes() {
    return plan.memory().totalBytes() - weightsBytes() - storeBytes() - batchBytes() - otherBytes();
  }

  /** What a step reads and writes, and the least that the plan allows. */
  StepTraffic traffic() {
    return StepTraffic.of(plan);
  }

  /** What a run in fp32 mode would allocate. */
  long fp32Bytes() {
    PlanOptions own = plan.options();
    PlanOptions fp32 =
        new PlanOptions(own.batch(), StoreFormat.FP32, false, own.slots(), own.frozen());
    return bytes(ExecutionPlan.of(plan.graph(), fp32));
  }

  /**
   * Bytes of the output of every layer for the whole batch, in fp32: what keeping all would take.
   */
  long keepEverythingBytes() {
    return options.batch()
        * network.layers().stream().map(Layer::output).mapToLong(map -> map.bytes()).sum();
  }

  /** The largest batch whose run stays within a limit; 0 if none. */
  int largestBatch(long limit) {
    long scratch = scratchBytes();
    return ExecutionPlan.largestBatch(network, plan.options(), limit, batch -> scratch);
  }

  /** The figures and every buffer as JSON. */
  JsonObject json(@Nullable Long limit) {
    JsonObject.Builder json = JsonObject.builder();
    json.put("model", network.name());
    json.put("input", network.input().toString());
    json.put("classes", network.classes());
    json.put("parameters", network.parameterCount());
    json.put("batch", options.batch());
    json.put("activations", options.store().name().toLowerCase(Locale.ROOT));
    json.put("naive", options.naive());
    json.put("threads", options.threads());
    json.put("kernels", kernels.name());
    json.put("total_bytes", total);
    json.put("store_bytes", storeBytes());
    json.put("buffer_bytes", bufferBytes());
    json.put("weights_bytes", weightsBytes());
    json.put("batch_bytes", batchBytes());
    json.put("other_bytes", otherBytes());
    json.put("scratch_bytes", scratchBytes());
    json.put("slab_bytes", plan.memory().totalBytes());
    json.put("lower_bound_bytes", plan.memory().lowerBoundBytes());
    json.put("fp32_total_bytes", fp32Bytes());
    json.put("keep_everything_bytes", keepEverythingBytes());
    StepTraffic traffic = traffic();
    json.put("moved_bytes", traffic.moved());
    json.put("minimum_moved_bytes", traffic.minimum());
    if (limit == null) {
      json.put("memory_limit_bytes", new JsonValue.JsonNull());
      json.put("largest_batch", new JsonValue.JsonNull());
    } else {
      json.put("memory_limit_bytes", limit);
      json.put("largest_batch", largestBatch(limit));
    }
    json.put("stages", plan.graph().stages().size());
    json.put("buffers", buffers());
    return json.build();
  }

  private JsonValue buffers() {
    List<JsonValue> list = new ArrayList<>();
    List<Buffer> buffers = plan.all();
    for (int i = 0; i < buffers.size(); i++) {
      Placement placement = plan.memory().placements().get(i);
      list.add(
          JsonObject.builder()
              .put("name", buffers.get(i).name())
              .put("kind", kind(buffers.get(i)))
              .put("bytes", buffers.get(i).bytes())
              .put("offset", placement.offset())
              .put("first_use", placement.request().firstUse())
              .put("last_use", placement.request().lastUse())
              .build());
    }
    return JsonValue.array(list);
  }

  static String kind(Buffer buffer) {
    return buffer.kind().name().toLowerCase(Locale.ROOT);
  }
}
