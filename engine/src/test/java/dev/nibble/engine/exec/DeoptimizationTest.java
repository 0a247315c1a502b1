package dev.nibble.engine.exec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/**
 * Neither an evaluation nor a smaller batch at the epoch's end makes the JVM throw compiled kernels
 * away again and again. Counted, not timed: a busy machine's times say nothing.
 */
class DeoptimizationTest {
  private static final int BATCH = 8;
  private static final int STEPS = 30;
  private static final int EPOCHS = 5;
  private static final int ROUNDS = 8;
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private static Network network() {
    NetworkBuilder b = Network.builder("epochs", new FeatureMap(8, 8, 3));
    NetworkBuilder.Node x = b.convolution("stem", b.input(), 16, 3, 1);
    NetworkBuilder.Node y = b.convolution("conv", b.relu(b.batchNorm("bn", x)), 16, 3, 1);
    NetworkBuilder.Node a = b.relu(b.batchNorm("head.bn", b.add(y, x)));
    return b.build(b.dense("fc", b.globalAveragePool(a), 10));
  }

  /** Steps on full batches, one on a part of a batch, evaluations of both. */
  private static void epoch(TestSession test) {
    Session session = test.session();
    for (int i = 0; i < STEPS; i++) {
      assertThat(session.train(test.labels(), BATCH, 1e-3f)).isTrue();
    }
    assertThat(session.train(test.labels(), BATCH / 3, 1e-3f)).isTrue();
    session.evaluate(test.labels(), BATCH);
    session.evaluate(test.labels(), 1);
  }

  private static DeoptimizationMeter.Counts epochs(TestSession test, int count)
      throws ReflectiveOperationException, IOException {
    try (DeoptimizationMeter meter = new DeoptimizationMeter()) {
      for (int i = 0; i < count; i++) {
        epoch(test);
      }
      return meter.stop();
    }
  }

  @Test
  void epochsThatFollowThrowNoCompiledCodeAway() throws ReflectiveOperationException, IOException {
    PlanOptions options = PlanOptions.training(BATCH, StoreFormat.INT4, false);
    try (TestSession test = new TestSession(network(), options, 2, 1)) {
      long start = System.nanoTime();
      // What an earlier test of this JVM has compiled already is not compiled again: the first
      // round may see nothing, and that the meter measures is shown by itself, below.
      while (!epochs(test, EPOCHS).compiled().isEmpty() && elapsed(start) < PATIENCE.toNanos()) {
        // warming up
      }
      // A storm shows in every round, for it is at least one an epoch. A late compilation, and code
      // that it makes needless in all its callers, show in some round and not in a later one.
      DeoptimizationMeter.Counts steady = epochs(test, EPOCHS);
      for (int round = 1; round < ROUNDS && !steady.deoptimized().isEmpty(); round++) {
        steady = epochs(test, EPOCHS);
      }
      assertThat(steady.deoptimized())
          .as(
              "code thrown away in each of %d rounds, while compiling %s",
              ROUNDS, steady.compiled())
          .isEmpty();
    }
  }

  /** A method, without a loop, whose rare branch the compiler leaves out until it is taken. */
  private static int orOne(int value, boolean rare) {
    return rare ? value | 1 : value;
  }

  private static void calls() {
    int sum = 0;
    for (int i = 0; i < 20_000; i++) {
      sum += orOne(i, false) - i;
    }
    assertThat(sum).isZero();
  }

  @Test
  void theMeterSeesCodeCompiledAndThrownAway() throws ReflectiveOperationException, IOException {
    String name = DeoptimizationTest.class.getName() + ".orOne";
    long start = System.nanoTime();
    try (DeoptimizationMeter meter = new DeoptimizationMeter()) {
      calls();
      while (!meter.soFar().compiled().contains(name)) {
        assertThat(elapsed(start)).as("patience").isLessThan(PATIENCE.toNanos());
        calls();
      }
      assertThat(meter.soFar().deoptimized()).doesNotContain(name);
      assertThat(orOne(2, true)).isEqualTo(3); // from here, the caller is not compiled
      assertThat(meter.stop().deoptimized()).contains(name);
    }
  }

  private static long elapsed(long start) {
    return System.nanoTime() - start;
  }
}
