package dev.nibble.engine.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.SessionOptions;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.network.SampleNetworks;
import dev.nibble.engine.plan.Buffer.Kind;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.Slab;
import dev.nibble.memory.plan.Placement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a network takes in memory, and what the promise says that it takes. */
class PlanSizeTest {
  private static final long MIB = 1L << 20;
  private static final long RESNET164_ACTIVATIONS = 3_096_576;

  private static Network resNet(String model) {
    return ResNet.of(model, new FeatureMap(32, 32, 3), 10);
  }

  private static ExecutionPlan plan(String model, int batch, StoreFormat store) {
    return ExecutionPlan.of(resNet(model), PlanOptions.training(batch, store, false));
  }

  private static long storesWithoutHead(ExecutionPlan plan) {
    return plan.graph().views().stream()
        .filter(view -> !view.exact())
        .map(plan.buffers()::store)
        .filter(Objects::nonNull)
        .mapToLong(Buffer::bytes)
        .sum();
  }

  @ParameterizedTest
  @CsvSource({"FP32, 32, 1750", "INT8, 8, 520", "INT4, 4, 320", "INT2, 2, 230"})
  void resNet164AtBatch128TakesWhatThePaperCountsAndLittleBeside(
      StoreFormat store, int bits, long mebibytes) {
    ExecutionPlan plan = plan("resnet164", 128, store);
    assertThat(storesWithoutHead(plan)).isEqualTo(RESNET164_ACTIVATIONS * 128 * bits / 8);
    long total = Session.bytes(plan, SessionOptions.of(2), TestKernels.chosen());
    assertThat(total).isLessThanOrEqualTo(mebibytes * MIB);
    assertThat(plan.memory().totalBytes())
        .as("the layout is within 2 %% of what lives at one time")
        .isLessThanOrEqualTo(plan.memory().lowerBoundBytes() * 102 / 100);
  }

  /** With regions of whole lines, no two leaves' sums then share one. */
  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void partialSumsStartAtALineOfTheCache(Network network) {
    ExecutionPlan plan =
        ExecutionPlan.of(network, PlanOptions.training(5, StoreFormat.INT4, false));
    PersistentBuffers persistent = plan.buffers().persistent();
    List<Buffer> partial = new ArrayList<>(List.of(persistent.statistics(), persistent.tables()));
    partial.add(Objects.requireNonNull(persistent.partialSums()));
    if (persistent.partialGradients() != null) {
      partial.add(persistent.partialGradients());
    }
    for (Buffer buffer : partial) {
      Placement placement = plan.memory().placements().get(buffer.index());
      assertThat(placement.offset() % Slab.ALIGNMENT).as(buffer.name()).isZero();
    }
    assertThat(Slab.ALIGNMENT).isEqualTo(64);
  }

  @Test
  void fourBitsAre189MebibytesOfActivations() {
    assertThat(storesWithoutHead(plan("resnet164", 128, StoreFormat.INT4)))
        .isEqualTo(189 * MIB)
        .isEqualTo(198_180_864);
  }

  @Test
  void resNet1001StoresWhatThePaperCounts() {
    assertThat(storesWithoutHead(plan("resnet1001", 2, StoreFormat.INT8)))
        .isEqualTo(19_095_552 * 2);
  }

  @Test
  void theDeepestNetworkIsPlannedWhileTheUserWaits() {
    plan("resnet164", 64, StoreFormat.INT4);
    Assertions.assertTimeout(Duration.ofSeconds(2), () -> plan("resnet1001", 64, StoreFormat.INT4));
  }

  @Test
  void inferenceTakesATinyPartOfTraining() {
    ExecutionPlan inference = ExecutionPlan.of(resNet("resnet164"), PlanOptions.inference(128));
    assertThat(inference.bytes(Kind.STORE)).isZero();
    assertThat(inference.memory().totalBytes())
        .isLessThan(plan("resnet164", 128, StoreFormat.INT4).memory().totalBytes() / 2);
  }

  @Test
  void aKindsBytesAddUpToTheRequests() {
    ExecutionPlan plan = plan("resnet20", 16, StoreFormat.INT4);
    long sum = 0;
    for (Kind kind : Kind.values()) {
      sum += plan.bytes(kind);
    }
    long requested = plan.memory().placements().stream().mapToLong(p -> p.request().bytes()).sum();
    assertThat(sum).isEqualTo(requested);
  }

  @ParameterizedTest
  @ValueSource(longs = {300_000, 1_000_000, 7_654_321})
  void theLargestBatchFitsAndOneMoreDoesNot(long limit) {
    Network network = SampleNetworks.preActivation();
    PlanOptions options = PlanOptions.training(1, StoreFormat.INT4, false);
    Kernels kernels = TestKernels.chosen();
    SessionOptions session = SessionOptions.of(2);
    int largest =
        ExecutionPlan.largestBatch(
            network,
            options,
            limit,
            plan -> Session.bytes(plan, session, kernels) - plan.memory().totalBytes());
    assertThat(largest).isGreaterThan(1);
    ExecutionPlan fits = ExecutionPlan.of(network, options.withBatch(largest));
    ExecutionPlan tooLarge = ExecutionPlan.of(network, options.withBatch(largest + 1));
    assertThat(Session.bytes(fits, session, kernels)).isLessThanOrEqualTo(limit);
    assertThat(Session.bytes(tooLarge, session, kernels)).isGreaterThan(limit);
  }

  @Test
  void withoutRoomForOnePictureTheLargestBatchIsZero() {
    PlanOptions options = PlanOptions.training(1, StoreFormat.INT4, false);
    assertThat(ExecutionPlan.largestBatch(SampleNetworks.preActivation(), options, 1000, b -> 0))
        .isZero();
  }
}
