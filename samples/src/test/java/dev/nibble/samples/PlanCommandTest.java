package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.memory.MemoryAccount;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PlanCommandTest {
  private static JsonObject plan(String... options) {
    List<String> arguments = new ArrayList<>(List.of("plan", "--json", "--threads", "2"));
    arguments.addAll(List.of(options));
    InProcess result = InProcess.run(arguments.toArray(new String[0]));
    assertThat(result.err()).isEmpty();
    assertThat(result.code()).isZero();
    return JsonParser.parse(result.out()).asObject();
  }

  private static long bytes(JsonObject plan, String name) {
    return plan.get(name).asLong();
  }

  @ParameterizedTest
  @ValueSource(strings = {"fp32", "int8", "int4", "int2"})
  void totalIsWhatARunAllocates(String activations) {
    JsonObject plan = plan("--model", "resnet8", "--batch", "7", "--activations", activations);
    Kernels kernels = KernelProvider.choose(null);
    Network network = ResNet.of("resnet8", new FeatureMap(32, 32, 3), 10);
    TrainingOptions options =
        TrainingOptions.builder()
            .batch(7)
            .store(StoreFormat.valueOf(activations.toUpperCase(java.util.Locale.ROOT)))
            .build();
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        DataSplits data =
            new DataSplits(ShapesDataset.train(1, 10), ShapesDataset.test(1, 10), "shapes");
        Trainer trainer = Trainer.open(network, data, options, kernels, account)) {
      assertThat(bytes(plan, "total_bytes")).isEqualTo(account.used());
      assertThat(account.peak()).isEqualTo(account.used());
      assertThat(trainer.usedBytes()).isEqualTo(account.used());
    }
  }

  /** Pictures and classes that a name stands for, unless others are given. */
  @ParameterizedTest
  @CsvSource({"resnet18, 224x224x3, 1000", "cifar-resnet50, 32x32x3, 10", "resnet20, 32x32x3, 10"})
  void aNameStandsForPicturesAndClasses(String model, String input, int classes) {
    JsonObject plan = plan("--model", model, "--batch", "1");
    assertThat(plan.get("input").asString()).isEqualTo(input);
    assertThat(plan.get("classes").asLong()).isEqualTo(classes);
    JsonObject other =
        plan("--model", model, "--batch", "1", "--input", "64x48x3", "--classes", "7");
    assertThat(other.get("input").asString()).isEqualTo("64x48x3");
    assertThat(other.get("classes").asLong()).isEqualTo(7);
    JsonObject sized =
        plan("--model", model, "--batch", "1", "--image-size", "64x48", "--classes", "7");
    assertThat(sized).isEqualTo(other);
  }

  @Test
  void partsSumUpToTheTotal() {
    JsonObject plan = plan("--model", "resnet20");
    long sum =
        bytes(plan, "store_bytes")
            + bytes(plan, "buffer_bytes")
            + bytes(plan, "weights_bytes")
            + bytes(plan, "batch_bytes")
            + bytes(plan, "other_bytes")
            + bytes(plan, "scratch_bytes");
    assertThat(sum).isEqualTo(bytes(plan, "total_bytes"));
    assertThat(bytes(plan, "buffer_bytes")).isPositive();
    for (JsonValue buffer : plan.get("buffers").asList()) {
      JsonObject b = buffer.asObject();
      assertThat(b.get("offset").asLong() + b.get("bytes").asLong())
          .isLessThanOrEqualTo(bytes(plan, "slab_bytes"));
      assertThat(b.get("last_use").asLong()).isGreaterThanOrEqualTo(b.get("first_use").asLong());
    }
  }

  @Test
  void saysWhatAStepMoves() {
    JsonObject plan = plan("--model", "resnet20");
    long minimum = bytes(plan, "minimum_moved_bytes");
    assertThat(minimum).isGreaterThan(2 * bytes(plan, "store_bytes"));
    assertThat(bytes(plan, "moved_bytes")).isBetween(minimum, minimum * 11 / 10);
    String text = InProcess.run("plan", "--model", "resnet20").out();
    assertThat(text)
        .containsPattern("A step moves \\S+ MiB; the least this plan allows is \\S+ MiB");
  }

  @Test
  void keepsResNet164WithinItsPromise() {
    JsonObject plan = plan("--model", "resnet164", "--batch", "128", "--activations", "int4");
    assertThat(bytes(plan, "total_bytes")).isLessThanOrEqualTo(320L << 20);
    assertThat(bytes(plan, "fp32_total_bytes")).isLessThanOrEqualTo(1750L << 20);
    assertThat(bytes(plan, "keep_everything_bytes")).isGreaterThan(bytes(plan, "fp32_total_bytes"));
  }

  @Test
  void largestBatchFitsAndTheNextDoesNot() {
    long limit = 20L << 20;
    JsonObject plan = plan("--model", "resnet8", "--memory-limit", "20MiB");
    int largest = (int) bytes(plan, "largest_batch");
    assertThat(largest).isPositive();
    assertThat(bytes(plan("--model", "resnet8", "--batch", "" + largest), "total_bytes"))
        .isLessThanOrEqualTo(limit);
    assertThat(bytes(plan("--model", "resnet8", "--batch", "" + (largest + 1)), "total_bytes"))
        .isGreaterThan(limit);
  }

  @Test
  void listsEveryBufferOnRequest() {
    InProcess brief = InProcess.run("plan", "--model", "resnet20", "--memory-limit", "64MiB");
    assertThat(brief.out()).contains("more; --all lists them", "Largest batch within 64 MiB: ");
    InProcess full = InProcess.run("plan", "--model", "resnet20", "--all");
    assertThat(full.out()).doesNotContain("--all lists them");
    long buffers = plan("--model", "resnet20").get("buffers").asList().size();
    assertThat(full.out().lines().filter(line -> line.matches(".* \\d+\\.\\.\\d+")))
        .hasSize((int) buffers);
  }

  @ParameterizedTest
  @CsvSource({"resnet8, 2, true", "resnet56, 64, false"})
  void mostSaysWhereNothingIsComputedTwice(String model, int batch, boolean nothing) {
    InProcess result =
        InProcess.run(
            "plan", "--model", model, "--batch", Integer.toString(batch), "--recompute", "most");
    assertThat(result.code()).as(result.err()).isZero();
    assertThat(result.out().contains("computed twice instead of stored: nothing"))
        .isEqualTo(nothing);
    assertThat(result.out()).contains("computed twice instead of stored: ");
  }

  /** What is computed twice shares memory: kinds of buffers still add up to the total. */
  @Test
  void aPlanThatComputesTwiceAddsUp() {
    JsonObject plan = plan("--model", "resnet20", "--activations", "fp32", "--recompute", "most");
    JsonObject stored =
        plan("--model", "resnet20", "--activations", "fp32", "--recompute", "never");
    assertThat(plan.get("recomputed").asList()).isNotEmpty();
    assertThat(bytes(plan, "buffer_bytes")).isPositive();
    assertThat(bytes(plan, "store_bytes")).isLessThan(bytes(stored, "store_bytes"));
    assertThat(bytes(plan, "total_bytes")).isLessThan(bytes(stored, "total_bytes"));
  }
}
