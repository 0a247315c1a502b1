package dev.nibble.engine.infer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.exec.StagedKernels;
import dev.nibble.engine.exec.StagedKernels.Fault;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.DeviceException;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Workload;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.MemoryLimitException;
import dev.nibble.memory.Slab;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A predictor with kernels of a device: opened for its contexts, paid for, and closed. */
class PredictorKernelsTest {
  private static final int LANES = 3;
  private static final int AT_ONCE = 2;

  private final Network network = PredictorFixture.shortNetwork();
  private final TestSession test = new TestSession(network, PlanOptions.inference(1), 1, 7);
  private final StagedKernels staged = new StagedKernels();
  private final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);

  @AfterEach
  void nothingIsLeft() {
    test.close();
    assertThat(account.used()).isZero();
    account.close();
    assertThat(staged.memory()).noneMatch(segment -> segment.scope().isAlive());
    assertThat(helpers()).isZero();
  }

  private long helpers() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("nibble-predict-" + network.name() + "-"))
        .count();
  }

  private Predictor open(Kernels kernels, MemoryAccount payer) {
    return Predictor.of(
        network, test.session()::values, PredictorFixture.options(LANES, AT_ONCE), kernels, payer);
  }

  private float[] pictures(int count) {
    float[] pictures = new float[count * network.input().values()];
    for (int i = 0; i < pictures.length; i++) {
      pictures[i] = i % 13 - 6;
    }
    return pictures;
  }

  private float[] predict(Predictor predictor) {
    float[] logits = new float[9 * network.classes()];
    predictor.predict(pictures(9), 9, logits);
    return logits;
  }

  @Test
  void itComputesWithATableOpenedForItsLanes() {
    float[] expected;
    long plain;
    try (Predictor predictor = open(test.session().kernels(), account)) {
      expected = predict(predictor);
      plain = predictor.usedBytes();
    }
    staged.atClose(() -> assertThat(helpers()).isZero());
    try (Predictor predictor = open(staged.kernels(), account)) {
      assertThat(predict(predictor)).isEqualTo(expected);
      Workload workload = staged.workloads().getLast();
      assertThat(workload.threads()).isEqualTo(LANES);
      assertThat(workload.picturesPerShard()).isEqualTo(AT_ONCE);
      assertThat(predictor.usedBytes())
          .isEqualTo(plain + Slab.sizeFor(StagedKernels.staging(workload)));
      assertThat(staged.events()).containsExactly("open");
    }
    assertThat(staged.events()).containsExactly("open", "close");
  }

  /** As cublas does, which has no use for an array of packed weights. */
  @Test
  void itPacksForADeviceThatKeepsTheWeightsToItself() {
    float[] expected;
    try (Predictor predictor = open(test.session().kernels(), account)) {
      expected = predict(predictor);
    }
    try (Predictor predictor = open(StagedKernels.keepingWeights().kernels(), account)) {
      assertThat(predict(predictor)).isEqualTo(expected);
    }
  }

  @Test
  void itChoosesThePicturesAtOnceForWhateverComputes() {
    PredictorOptions options = PredictorFixture.options(1, 0);
    try (Predictor predictor =
        Predictor.of(network, test.session()::values, options, staged.kernels(), account)) {
      // Once: a selection may measure for seconds.
      assertThat(staged.workloads())
          .singleElement()
          .extracting(Workload::batch)
          .isEqualTo(predictor.picturesAtOnce());
    }
  }

  @Test
  void aByteTooLittleIsRefusedAndLeavesNothing() {
    long bytes;
    try (Predictor predictor = open(staged.kernels(), account)) {
      bytes = predictor.usedBytes();
    }
    try (MemoryAccount exact = account.child("exact", bytes);
        Predictor predictor = open(staged.kernels(), exact)) {
      assertThat(predictor.usedBytes()).isEqualTo(bytes);
    }
    int opened = staged.events().size();
    MemoryAccount small = account.child("small", bytes - 1);
    assertThatThrownBy(() -> open(staged.kernels(), small))
        .isInstanceOf(MemoryLimitException.class);
    assertThat(small.used()).isZero();
    assertThat(staged.events()).hasSize(opened);
    small.close();
  }

  @Test
  void aDeviceThatFailsToOpenLeavesNothing() {
    for (Fault fault : new Fault[] {Fault.SELECT, Fault.OPEN}) {
      staged.fail(fault, 0);
      assertThatThrownBy(() -> open(staged.kernels(), account)).isInstanceOf(DeviceException.class);
      assertThat(account.used()).isZero();
      assertThat(staged.events()).isEmpty();
    }
  }

  @Test
  void aDeviceThatFailsInACallIsToldOfByThatCall() {
    try (Predictor predictor = open(staged.kernels(), account)) {
      float[] expected = predict(predictor);
      for (int after : new int[] {0, 3, 7}) {
        staged.fail(Fault.COMPUTE, after);
        assertThatThrownBy(() -> predict(predictor)).isInstanceOf(DeviceException.class);
        assertThat(predict(predictor)).isEqualTo(expected);
      }
    }
  }

  @Test
  void aDeviceThatFailsToCloseIsToldOfWhenTheRestIsFreed() {
    Predictor predictor = open(staged.kernels(), account);
    staged.fail(Fault.CLOSE, 0);
    assertThatThrownBy(predictor::close).isInstanceOf(DeviceException.class);
    assertThat(account.used()).isZero();
    assertThat(helpers()).isZero();
    predictor.close();
    assertThatThrownBy(() -> predict(predictor)).isInstanceOf(IllegalStateException.class);
  }
}
