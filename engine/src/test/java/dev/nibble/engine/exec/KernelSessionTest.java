package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.nibble.engine.exec.StagedKernels.Fault;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.SampleNetworks;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.DeviceException;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.Workload;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.MemoryLimitException;
import dev.nibble.memory.Slab;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Kernels that are opened for a session: when, with which memory, and that nothing is left. */
class KernelSessionTest {
  private static final SessionOptions OPTIONS = SessionOptions.of(3);

  private final Network network = SampleNetworks.preActivation();
  private final ExecutionPlan plan =
      ExecutionPlan.of(network, PlanOptions.training(5, StoreFormat.INT4, false));
  private final StagedKernels staged = new StagedKernels();
  private final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);

  @AfterEach
  void nothingIsLeft() {
    assertThat(account.used()).isZero();
    account.close();
    assertThat(workers()).isZero();
    assertThat(staged.memory()).noneMatch(segment -> segment.scope().isAlive());
    long opened = staged.events().stream().filter("open"::equals).count();
    assertThat(staged.events()).filteredOn("close"::equals).hasSize((int) opened);
  }

  private long workers() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("nibble-" + network.name() + "-"))
        .count();
  }

  private Session open(Kernels kernels) {
    return Session.open(plan, OPTIONS, kernels, account);
  }

  /** A step on pictures of nothing but their own index. */
  private static byte[] step(Session session) {
    Initializer.initialize(session, 5);
    MemorySegment input = session.input();
    for (long i = 0; i < input.byteSize() / 4; i++) {
      input.set(JAVA_FLOAT, 4 * i, (float) (i % 17) - 8);
    }
    MemorySegment labels = session.slots().getFirst().labels();
    for (int i = 0; i < 5; i++) {
      labels.set(JAVA_INT, 4L * i, i % session.network().classes());
    }
    assertThat(session.train(labels, 5, 0.1f)).isTrue();
    return session.weights().toArray(JAVA_BYTE);
  }

  @Test
  void stagingIsPaidForToTheByte() {
    Workload workload = plan.workload(3);
    assertThat(workload.batch()).isEqualTo(5);
    assertThat(workload.shards()).isEqualTo(plan.groups());
    assertThat(workload.threads()).isEqualTo(3);
    assertThat(workload.stages()).hasSize(plan.graph().stages().size()).contains(plan.stage(1));
    long bytes = Session.bytes(plan, OPTIONS, staged.kernels());
    assertThat(bytes - Session.bytes(plan, OPTIONS, TestKernels.chosen()))
        .isEqualTo(Slab.sizeFor(StagedKernels.staging(workload)))
        .isGreaterThan(StagedKernels.staging(workload));
    MemoryAccount exact = account.child("exact", bytes);
    try (Session session = Session.open(plan, OPTIONS, staged.kernels(), exact)) {
      assertThat(session.usedBytes()).isEqualTo(bytes);
      assertThat(exact.used()).isEqualTo(bytes);
    }
    assertThat(exact.peak()).isEqualTo(bytes);
    exact.close();
  }

  /** A lane of a device costs memory there and here; threads without a shard need none. */
  @Test
  void threadsBeyondTheShardsArePreparedForNothing() {
    assertThat(plan.workload(64).threads()).isEqualTo(plan.groups());
    try (Session session = Session.open(plan, SessionOptions.of(9), staged.kernels(), account)) {
      assertThat(step(session)).isNotEmpty();
      assertThat(staged.workloads().getLast().threads()).isEqualTo(5);
    }
  }

  @Test
  void aByteTooLittleIsRefusedBeforeAnythingIsOpened() {
    long bytes = Session.bytes(plan, OPTIONS, staged.kernels());
    MemoryAccount small = account.child("small", bytes - 1);
    assertThatThrownBy(() -> Session.open(plan, OPTIONS, staged.kernels(), small))
        .isInstanceOf(MemoryLimitException.class);
    assertThat(small.peak()).isZero();
    assertThat(staged.events()).isEmpty();
    small.close();
  }

  @Test
  void theTableIsSelectedThenOpenedAndClosedBeforeItsMemory() {
    staged.atClose(() -> assertThat(workers()).isZero());
    try (Session session = open(staged.kernels())) {
      assertThat(workers()).isEqualTo(2);
      assertThat(staged.workloads()).isNotEmpty().allMatch(plan.workload(3)::equals);
      assertThat(staged.events()).containsExactly("open");
      MemorySegment workspace = staged.memory().getFirst();
      assertThat(workspace.byteSize()).isEqualTo(plan.memory().totalBytes());
      long offset = session.weights().address() - workspace.address();
      assertThat(offset).isBetween(0L, workspace.byteSize() - session.weights().byteSize());
    }
    assertThat(staged.events()).containsExactly("open", "close");
  }

  @Test
  void aSessionShowsTheTableThatOthersCanBeOpenedWith() {
    try (Session session = open(staged.kernels());
        Session other = open(session.kernels())) {
      assertThat(session.kernels().name()).isEqualTo("staged");
      assertThat(other.kernels()).isSameAs(session.kernels());
      assertThat(staged.events()).containsExactly("open", "open");
    }
  }

  @Test
  void itComputesWithTheOpenedTable() {
    byte[] expected;
    try (Session session = open(TestKernels.chosen())) {
      expected = step(session);
    }
    try (Session session = open(staged.kernels())) {
      assertThat(step(session)).isEqualTo(expected);
    }
    assertThat(staged.calls())
        .isEqualTo(StagedKernels.forwardCalls(plan) + StagedKernels.backwardCalls(plan));
  }

  @Test
  void aDeviceThatFailsToOpenLeavesNothing() {
    for (Fault fault : new Fault[] {Fault.SELECT, Fault.OPEN}) {
      staged.fail(fault, 0);
      assertThatThrownBy(() -> open(staged.kernels()))
          .isInstanceOf(DeviceException.class)
          .hasMessageContaining(fault + " was to fail");
      assertThat(account.used()).isZero();
      assertThat(staged.events()).isEmpty();
    }
  }

  @Test
  void whatFailsAfterTheTableWasOpenedClosesItWithoutHidingTheReason() {
    staged.fail(Fault.CLOSE, 0);
    IllegalStateException reason = new IllegalStateException("injected");
    Throwable thrown =
        catchThrowable(
            () ->
                Session.open(
                    plan,
                    OPTIONS,
                    staged.kernels(),
                    account,
                    (p, binder, kernels, pool, scratch, options) -> {
                      throw reason;
                    }));
    assertThat(thrown).isSameAs(reason);
    assertThat(thrown.getSuppressed()).singleElement().isInstanceOf(DeviceException.class);
    assertThat(staged.events()).containsExactly("open", "close");
  }

  @Test
  void aDeviceThatFailsToCloseIsToldOfWhenTheRestIsFreed() {
    Session session = open(staged.kernels());
    staged.fail(Fault.CLOSE, 0);
    assertThatThrownBy(session::close).isInstanceOf(DeviceException.class);
    assertThat(account.used()).isZero();
    session.close();
    assertThat(staged.events()).containsExactly("open", "close");
  }

  @Test
  void aDeviceThatFailsInAStepIsToldOfOnTheCallingThread() {
    int forward = StagedKernels.forwardCalls(plan);
    int all = forward + StagedKernels.backwardCalls(plan);
    for (int after : new int[] {0, forward / 2, forward, all - 1}) {
      try (Session session = open(staged.kernels())) {
        staged.fail(Fault.COMPUTE, after);
        assertThatThrownBy(() -> step(session))
            .isInstanceOf(DeviceException.class)
            .hasMessageStartingWith("cublasSgemm_v2 failed with CUDA_ERROR_UNKNOWN (999)");
        assertThat(step(session)).as("the device works again").isNotEmpty();
      }
    }
  }
}
