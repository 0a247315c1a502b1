package dev.nibble.engine.plan;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A format for each activation, within a budget of bits. */
class FormatBudgetTest {
  private static final PlanOptions OPTIONS = PlanOptions.training(4, StoreFormat.INT4, false);

  private static FormatBudget budget(Network network, PlanOptions options) {
    return FormatBudget.of(Lowering.lower(network), options);
  }

  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void everyStepIsAPlanAndNeverFewerBytes(Network network) {
    FormatBudget budget = budget(network, OPTIONS);
    long before = 0;
    for (int steps = 0; steps <= budget.steps(); steps += 1 + budget.steps() / 7) {
      ExecutionPlan plan = ExecutionPlan.of(network, OPTIONS.withFormats(budget.after(steps)));
      assertThat(plan.bytes(Buffer.Kind.STORE)).isGreaterThanOrEqualTo(before);
      before = plan.bytes(Buffer.Kind.STORE);
      for (StageGraph.View view : plan.coded()) {
        StoreFormat format = requireNonNull(budget.after(steps).get(plan.keeper(view)));
        assertThat(plan.activation(view).store()).isEqualTo(format.keeping(view.function()));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {1.25, 1.7, 2, 3, 4.5, 8})
  void anAverageIsKeptAndUsed(double bits) {
    Network network = ResNet.of("resnet20", new FeatureMap(32, 32, 3), 10);
    FormatBudget budget = budget(network, OPTIONS);
    int steps = budget.within(bits);
    assertThat(budget.bits(steps)).isBetween(bits - 0.25, bits);
    assertThat(budget.bits(0)).isEqualTo(1.25);
    assertThat(budget.bits(budget.steps())).isEqualTo(8);
  }

  @Test
  void largeActivationsHaveTheFewestBits() {
    Network network = ResNet.of("resnet20", new FeatureMap(32, 32, 3), 10);
    FormatBudget budget = budget(network, OPTIONS);
    Map<String, StoreFormat> formats = budget.after(budget.within(3));
    List<Double> bits = formats.values().stream().map(StoreFormat::bits).toList();
    // From 32x32 down to 8x8.
    assertThat(bits.getFirst()).isLessThan(bits.getLast());
  }

  @Test
  void theChoiceDependsOnNeitherBatchNorThreads() {
    Network network = ResNet.of("resnet29", new FeatureMap(32, 32, 3), 10);
    FormatBudget one = budget(network, OPTIONS);
    FormatBudget other = budget(network, OPTIONS.withBatch(64));
    assertThat(one.after(one.within(2.5))).isEqualTo(other.after(other.within(2.5)));
  }

  @Test
  void thePapersCodesMixWithTheirOwnKindOnly() {
    Network network = ResNet.of("resnet8", new FeatureMap(32, 32, 3), 10);
    FormatBudget budget = budget(network, OPTIONS.withStore(StoreFormat.UNIFORM4, false));
    assertThat(budget.after(budget.within(3)).values()).allMatch(StoreFormat::isUniform);
    Map<String, StoreFormat> mixed = new LinkedHashMap<>(budget.after(0));
    assertThatThrownBy(() -> OPTIONS.withFormats(mixed))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("mix codes of one kind");
    assertThatThrownBy(
            () -> ExecutionPlan.of(network, OPTIONS.withFormats(Map.of("no", StoreFormat.INT2))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("keeps no codes for 'no'");
  }
}
