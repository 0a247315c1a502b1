package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.SampleNetworks;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.Window;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What can be seen between two stages of a backward pass, and that looking changes nothing. */
class BackwardWalkTest {
  private static final int BATCH = 4;

  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void lookingAtEveryStageLeavesTheGradientsAsTheyAre(Network network) {
    try (TestSession test = TestSession.training(network, StoreFormat.INT4, false, BATCH, 7);
        Arena arena = Arena.ofConfined()) {
      Session session = test.session();
      test.load();
      session.gradient(test.labels(), BATCH);
      float[] expected = session.gradients().toArray(JAVA_FLOAT);
      session.gradients().fill((byte) 0);
      test.load();
      BackwardWalk walk = session.walkBack(test.labels(), BATCH);
      int copied = 0;
      while (walk.hasNext()) {
        // What moves pictures only has no gradient.
        copied += walk.copyOutputGradient(room(arena, walk.node())) ? 1 : 0;
        walk.step();
      }
      assertThat(copied).isPositive();
      assertThat(session.gradients().toArray(JAVA_FLOAT)).containsExactly(expected);
      assertThatThrownBy(walk::node).isInstanceOf(NoSuchElementException.class);
    }
  }

  private static MemorySegment room(Arena arena, Node node) {
    return arena.allocate(BATCH * node.output().map().bytes(), 64);
  }

  /**
   * A stem's weights get the products of the pictures, which are exact, and its output's gradient.
   */
  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void theCopiedGradientIsTheOneThatTheWeightsGet(Network network) {
    try (TestSession test = TestSession.training(network, StoreFormat.INT2, false, BATCH, 8);
        Arena arena = Arena.ofConfined()) {
      Session session = test.session();
      test.load();
      BackwardWalk walk = session.walkBack(test.labels(), BATCH);
      Node first = session.plan().graph().stages().getFirst();
      assumeTrue(first.operator() instanceof Operator.Convolution && first.input().isIdentity());
      MemorySegment gradient = room(arena, first);
      while (walk.hasNext()) {
        if (walk.node().index() == first.index()) {
          walk.copyOutputGradient(gradient);
        }
        walk.step();
      }
      double[] actual = test.gradient(Objects.requireNonNull(first.weight()));
      double[] expected = weightGradient(first, test.pictures(), gradient);
      double most = 0;
      for (double value : expected) {
        most = Math.max(most, Math.abs(value));
      }
      assertThat(most).isPositive();
      for (int i = 0; i < expected.length; i++) {
        assertThat(actual[i]).isCloseTo(expected[i], within(1e-5 * most));
      }
    }
  }

  private static Offset<Double> within(double value) {
    return Offset.offset(value);
  }

  private static double[] weightGradient(Node node, float[] x, MemorySegment gradient) {
    Operator.Convolution c = (Operator.Convolution) node.operator();
    FeatureMap in = c.input();
    FeatureMap out = c.output();
    Window window = c.window();
    int group = in.channels() / c.groups();
    int taps = window.taps();
    double[] sums = new double[out.channels() * group * taps];
    for (int i = 0; i < BATCH * out.values(); i++) {
      int o = i % out.channels();
      int column = i / out.channels() % out.width();
      int row = i / out.channels() / out.width() % out.height();
      int n = i / out.values();
      double d = gradient.getAtIndex(JAVA_FLOAT, i);
      int first = o / (out.channels() / c.groups()) * group;
      for (int tap = 0; tap < taps; tap++) {
        int ky = tap / window.kernelWidth();
        int kx = tap % window.kernelWidth();
        int h = row * window.strideHeight() - window.padTop() + ky * window.dilationHeight();
        int w = column * window.strideWidth() - window.padLeft() + kx * window.dilationWidth();
        if (h < 0 || h >= in.height() || w < 0 || w >= in.width()) {
          continue;
        }
        for (int ch = 0; ch < group; ch++) {
          float value = x[((n * in.height() + h) * in.width() + w) * in.channels() + first + ch];
          sums[(o * group + ch) * taps + tap] += d * value;
        }
      }
    }
    return sums;
  }

  @Test
  void frozenStagesHaveNoGradientToCopy() {
    Network network = SampleNetworks.preActivation();
    PlanOptions options =
        PlanOptions.training(BATCH, StoreFormat.INT4, false).withFrozen(List.of("stem"));
    try (TestSession test = new TestSession(network, options, 1, 9);
        Arena arena = Arena.ofConfined()) {
      BackwardWalk walk = test.session().walkBack(test.labels(), BATCH);
      boolean copied = true;
      while (walk.hasNext()) {
        copied = walk.copyOutputGradient(room(arena, walk.node()));
        walk.step();
      }
      assertThat(copied).isFalse();
    }
  }
}
