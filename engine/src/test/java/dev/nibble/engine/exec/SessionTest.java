package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.network.SampleNetworks;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.MemoryLimitException;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a session takes, gives back, and refuses. */
class SessionTest {
  private static final SessionOptions OPTIONS = SessionOptions.of(2);

  private static ExecutionPlan plan(Network network) {
    return ExecutionPlan.of(network, PlanOptions.training(5, StoreFormat.INT4, false));
  }

  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void aSessionTakesWhatWasPlannedToTheByteAndGivesItBack(Network network) {
    takesWhatWasPlanned(plan(network));
    PlanOptions more =
        PlanOptions.training(5, StoreFormat.INT4, false)
            .withUpdate(ParameterUpdateTest.EVERYTHING)
            .withBest(true);
    takesWhatWasPlanned(ExecutionPlan.of(network, more));
  }

  private static void takesWhatWasPlanned(ExecutionPlan plan) {
    Kernels kernels = TestKernels.chosen();
    long bytes = Session.bytes(plan, OPTIONS, kernels);
    MemoryAccount account = MemoryAccount.root("test", bytes);
    try (Session session = Session.open(plan, OPTIONS, kernels, account)) {
      assertThat(session.usedBytes()).isEqualTo(bytes);
      assertThat(account.used()).isEqualTo(bytes);
    }
    assertThat(account.used()).isZero();
    assertThat(account.peak()).isEqualTo(bytes);
    account.close();
  }

  @Test
  void aByteTooLittleIsRefusedBeforeAnythingIsAllocated() {
    Kernels kernels = TestKernels.chosen();
    ExecutionPlan plan = plan(SampleNetworks.preActivation());
    long bytes = Session.bytes(plan, OPTIONS, kernels);
    MemoryAccount account = MemoryAccount.root("test", bytes - 1);
    assertThatThrownBy(() -> Session.open(plan, OPTIONS, kernels, account))
        .isInstanceOf(MemoryLimitException.class)
        .hasMessageContaining("training pre-activation with a batch of 5");
    assertThat(account.used()).isZero();
    assertThat(account.peak()).isZero();
    account.close();
  }

  @Test
  void aSessionThatFailsToOpenLeavesNothing() {
    Network network = perceptron("fails-to-open");
    ExecutionPlan plan = plan(network);
    MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
    IllegalStateException fault = new IllegalStateException("injected");
    List<MemorySegment> memory = new ArrayList<>();
    assertThatThrownBy(
            () ->
                Session.open(
                    plan,
                    SessionOptions.of(3),
                    TestKernels.chosen(),
                    account,
                    (p, binder, kernels, pool, scratch, options) -> {
                      assertThat(workers(network)).isEqualTo(2);
                      memory.add(binder.view(plan.buffers().persistent().weights()));
                      throw fault;
                    }))
        .isSameAs(fault);
    assertThat(workers(network)).isZero();
    assertThat(memory.getFirst().scope().isAlive()).isFalse();
    assertThat(account.used()).isZero();
    account.close();
  }

  /** A network of a name that no other test's threads bear. */
  private static Network perceptron(String name) {
    NetworkBuilder b = Network.builder(name, new FeatureMap(1, 1, 5));
    return b.build(b.dense("fc", b.input(), 3));
  }

  /** Asks for more scratch than an array can hold. */
  private static Kernels greedy(Kernels kernels) {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (proxy, method, arguments) ->
                switch (method.getName()) {
                  case "select" -> proxy;
                  case "scratchFloats" -> Integer.MAX_VALUE;
                  default -> method.invoke(kernels, arguments);
                });
  }

  private static long workers(Network network) {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("nibble-" + network.name() + "-"))
        .count();
  }

  @Test
  void aHeapThatIsTooSmallIsNoLeak() {
    ExecutionPlan plan = plan(SampleNetworks.preActivation());
    MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
    Kernels greedy = greedy(TestKernels.chosen());
    assertThatThrownBy(() -> Session.open(plan, OPTIONS, greedy, account))
        .isInstanceOf(OutOfMemoryError.class);
    assertThat(account.used()).isZero();
    account.close();
  }

  @Test
  void aClosedSessionRefusesToWork() {
    TestSession test =
        TestSession.training(SampleNetworks.preActivation(), StoreFormat.INT4, false, 3, 1);
    Session session = test.session();
    session.close();
    session.close();
    assertThatThrownBy(() -> session.predict(3))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
    test.close();
  }

  @Test
  void countsOutsideTheBatchAreRefused() {
    try (TestSession test =
        TestSession.training(SampleNetworks.preActivation(), StoreFormat.INT4, false, 3, 1)) {
      for (int count : new int[] {0, -1, 4}) {
        assertThatThrownBy(() -> test.session().train(test.labels(), count, 0.1f))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("1 to 3 pictures");
      }
    }
  }

  @Test
  void anotherSessionsSlotIsRefused() {
    Network network = SampleNetworks.preActivation();
    try (TestSession one = TestSession.training(network, StoreFormat.INT4, false, 3, 1);
        TestSession two = TestSession.training(network, StoreFormat.INT4, false, 3, 1)) {
      assertThatThrownBy(() -> one.session().load(two.session().slots().getFirst()))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void inferenceTakesNoGradients() {
    try (TestSession test =
        new TestSession(SampleNetworks.preActivation(), PlanOptions.inference(3), 1, 1)) {
      assertThatThrownBy(() -> test.session().gradient(test.labels(), 3))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("inference");
      assertThatThrownBy(test.session()::update).isInstanceOf(IllegalStateException.class);
    }
  }

  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void inferenceGivesTheLogitsOfATrainingSession(Network network) {
    try (TestSession infer = new TestSession(network, PlanOptions.inference(3), 2, 8);
        TestSession train = TestSession.training(network, StoreFormat.INT2, true, 3, 8)) {
      infer.session().predict(3);
      train.session().predict(3);
      assertThat(infer.session().logits().toArray(JAVA_FLOAT))
          .containsExactly(train.session().logits().toArray(JAVA_FLOAT));
    }
  }

  @Test
  void aLossThatIsNotANumberLeavesTheWeights() {
    Network network = SampleNetworks.preActivation();
    try (TestSession test = TestSession.training(network, StoreFormat.INT4, false, 3, 1)) {
      assertThat(test.step(0.01f)).isTrue();
      Session session = test.session();
      Parameter bias = network.parameter("fc.bias");
      session.values(bias).set(JAVA_FLOAT, 0, Float.NaN);
      byte[] weights = session.weights().toArray(JAVA_BYTE);
      byte[] momentum = TestSession.optimizerState(session);
      assertThat(test.step(0.01f)).isFalse();
      assertThat(session.weights().toArray(JAVA_BYTE)).isEqualTo(weights);
      assertThat(TestSession.optimizerState(session)).isEqualTo(momentum);
    }
  }

  @Test
  void aPartOfABatchIsABatchOfItsOwn() {
    Network network = SampleNetworks.preActivation();
    try (TestSession full = TestSession.training(network, StoreFormat.FP32, false, 7, 5);
        TestSession part = TestSession.training(network, StoreFormat.FP32, false, 9, 5)) {
      float[] pictures = part.pictures();
      int values = 7 * network.input().values();
      MemorySegment.copy(pictures, 0, full.session().input(), JAVA_FLOAT, 0, values);
      full.session().gradient(part.labels(), 7);
      part.session().gradient(part.labels(), 7);
      assertThat(part.session().lossSum()).isCloseTo(full.session().lossSum(), within(1e-5));
      float[] expected = full.session().gradients().toArray(JAVA_FLOAT);
      float[] actual = part.session().gradients().toArray(JAVA_FLOAT);
      for (int i = 0; i < expected.length; i++) {
        assertThat(actual[i]).isCloseTo(expected[i], within(1e-5f));
      }
    }
  }
}
