package dev.nibble.engine.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.optim.Optimizer;
import dev.nibble.engine.optim.UpdateRule;
import dev.nibble.engine.plan.Buffer.Kind;
import dev.nibble.kernels.ChannelTable;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Bytes moved a step, against figures computed by hand. */
class StepTrafficTest {
  private static final int BATCH = 4;

  /** Two stages: a 3x3 convolution of 4x4x3 to 8 channels; batch norm, ReLU, pooling to 1x1. */
  private static Network twoStages() {
    NetworkBuilder b = Network.builder("two", new FeatureMap(4, 4, 3));
    Node x = b.convolution("conv", b.input(), 8, 3, 1);
    return b.build(b.globalAveragePool(b.relu(b.batchNorm("bn", x))));
  }

  private static StepTraffic traffic(Network network, StoreFormat store, boolean naive) {
    return StepTraffic.of(ExecutionPlan.of(network, PlanOptions.training(BATCH, store, naive)));
  }

  /** Pooling has no weights, so its copy (fp32: the head's) is read for the mask only. */
  @Test
  void twoStagesMoveWhatIsCountedByHand() {
    StepTraffic traffic = traffic(twoStages(), StoreFormat.INT4, false);
    long x = 4L * BATCH * 4 * 4 * 3;
    long y = 4L * BATCH * 4 * 4 * 8;
    long logits = 4L * BATCH * 8;
    // Forward: x made and read, y written and read, logits written; loss: logits read, their
    // gradient written; backward: that read, dx of the pool written, read by the convolution, and
    // the kept pictures read again.
    long common = x + x + y + y + logits + logits + logits + logits + y + y + x;
    assertThat(traffic.moved(Kind.COMMON)).isEqualTo(common);
    assertThat(traffic.minimum(Kind.COMMON)).isEqualTo(common);
    // Written forward; read for the mask, and by the convolution's backward pass, which carries
    // the gradient through the batch norm.
    assertThat(traffic.moved(Kind.STORE)).isEqualTo(3 * y);
    assertThat(traffic.minimum(Kind.STORE)).isEqualTo(3 * y);
    assertThat(traffic.moved(Kind.BATCH)).isEqualTo(BATCH * (48 + 12 + 4));
    // Convolution's weights forward and backward, their gradient written; the optimiser moves five
    // times all 216 + 16 values, without what aligns them.
    long weights = 4L * 3 * 3 * 3 * 8;
    assertThat(traffic.moved(Kind.WEIGHTS)).isEqualTo(3 * weights + 5 * (weights + 4 * 16));
    assertThat(traffic.minimum(Kind.WEIGHTS)).isEqualTo(traffic.moved(Kind.WEIGHTS));
    // Statistics: 8 floats, 24 doubles a leaf, in 256 bytes; 16 bytes a channel of the input,
    // in whole lines; partial gradients of the weights; each written and read. The table's
    // rows are written once and read forward, for the mask and by the convolution's backward pass,
    // by every leaf.
    long table = ChannelTable.bytes(8);
    ExecutionPlan plan =
        ExecutionPlan.of(twoStages(), PlanOptions.training(BATCH, StoreFormat.INT4, false));
    StageCuts convolution = plan.cuts(0);
    StageCuts pool = plan.cuts(1);
    long partial = convolution.writesWeights() ? 0 : convolution.weights().groups() * 896L;
    long sums =
        2
            * (convolution.forward().leaves() * 256L
                + convolution.backward().leaves() * 64L
                + pool.backward().leaves() * 128L
                + partial);
    int leaves =
        pool.forward().leaves() + pool.backward().leaves() + convolution.backward().leaves();
    assertThat(traffic.moved(Kind.OTHER)).isEqualTo(sums + table + leaves * table);
    assertThat(traffic.minimum(Kind.OTHER)).isEqualTo(sums + table + 3 * table);
    assertThat(traffic.moved()).isEqualTo(total(traffic, false));
    assertThat(traffic.minimum()).isEqualTo(total(traffic, true));
  }

  @Test
  void theOptimiserMovesItsStateAndWhatElseItsRuleKeeps() {
    Network network = twoStages();
    PlanOptions options = PlanOptions.training(BATCH, StoreFormat.INT4, false);
    long values = 4L * (3 * 3 * 3 * 8 + 16);
    StepTraffic sgd = StepTraffic.of(ExecutionPlan.of(network, options));
    Optimizer adamW = Optimizer.adamW(0.9, 0.999, 1e-8, 0.01);
    UpdateRule[] rules = {
      UpdateRule.of(adamW), // another state, read and written
      new UpdateRule(adamW, 1, 1, 0), // the gradients once more
      new UpdateRule(adamW, 1, 4, 0), // the group read, its mean written and read
      new UpdateRule(adamW, 1, 4, 0.9) // the average read and written, the new weights read
    };
    long[] moved = {2, 3, 6, 9};
    long[] minimum = {2, 2, 4, 6};
    for (int i = 0; i < rules.length; i++) {
      StepTraffic traffic =
          StepTraffic.of(ExecutionPlan.of(network, options.withUpdate(rules[i]).withBest(true)));
      assertThat(traffic.moved() - sgd.moved()).as("rule %d", i).isEqualTo(moved[i] * values);
      assertThat(traffic.minimum() - sgd.minimum()).as("rule %d", i).isEqualTo(minimum[i] * values);
    }
  }

  private static long total(StepTraffic traffic, boolean least) {
    long sum = 0;
    for (Kind kind : Kind.values()) {
      sum += least ? traffic.minimum(kind) : traffic.moved(kind);
    }
    return sum;
  }

  /** A convolution between batch norm and output needs its input's values and the mask. */
  @ParameterizedTest
  @CsvSource({"FP32, 32", "INT8, 8", "INT4, 4", "INT2, 2"})
  void codesAreReadTwiceBackward(StoreFormat store, int bits) {
    NetworkBuilder b = Network.builder("three", new FeatureMap(4, 4, 3));
    Node x = b.convolution("conv", b.input(), 8, 3, 1);
    x = b.convolution("next", b.relu(b.batchNorm("bn", x)), 8, 1, 1);
    Network network = b.build(b.globalAveragePool(x));
    long copy = 4L * BATCH * 4 * 8 * bits / 8;
    StepTraffic exact = traffic(network, store, false);
    // Written; read for the weights' gradient, for the mask, and by the stage before.
    assertThat(exact.moved(Kind.STORE)).isEqualTo(4 * copy);
    assertThat(exact.minimum(Kind.STORE)).isEqualTo(3 * copy);
    if (store.isCodes()) {
      StepTraffic naive = traffic(network, store, true);
      assertThat(naive.moved() - exact.moved()).isEqualTo(copy);
      assertThat(naive.minimum()).isEqualTo(exact.minimum());
    }
  }

  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void noKindMovesLessThanTheLeast(Network network) {
    for (StoreFormat store : new StoreFormat[] {StoreFormat.FP32, StoreFormat.INT2}) {
      ExecutionPlan plan = ExecutionPlan.of(network, PlanOptions.training(5, store, false));
      StepTraffic traffic = StepTraffic.of(plan);
      for (Kind kind : Kind.values()) {
        assertThat(traffic.moved(kind)).isGreaterThanOrEqualTo(traffic.minimum(kind));
      }
      // Everything that is stored is written once and read at least once.
      assertThat(traffic.minimum(Kind.STORE)).isGreaterThanOrEqualTo(2 * plan.bytes(Kind.STORE));
    }
  }

  @Test
  void fourBitsMoveLessThanThreeQuartersOfFp32() {
    Network network = ResNet.of("resnet164", new FeatureMap(32, 32, 3), 10);
    PlanOptions exact = PlanOptions.training(128, StoreFormat.FP32, false);
    StepTraffic fp32 = StepTraffic.of(ExecutionPlan.of(network, exact));
    PlanOptions coded = PlanOptions.training(128, StoreFormat.INT4, false);
    StepTraffic int4 = StepTraffic.of(ExecutionPlan.of(network, coded));
    assertThat(int4.moved()).isLessThan(fp32.moved() * 3 / 4);
    assertThat(int4.moved()).isLessThan(int4.minimum() * 11 / 10);
  }

  @Test
  void inferenceHasNoStep() {
    ExecutionPlan plan = ExecutionPlan.of(twoStages(), PlanOptions.inference(BATCH));
    assertThatThrownBy(() -> StepTraffic.of(plan))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("training");
  }
}
