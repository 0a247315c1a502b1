package dev.nibble.engine.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;
import static org.assertj.core.api.Assertions.within;

import java.util.function.DoubleFunction;
import org.junit.jupiter.api.Test;

/** The numbers of an optimiser and its rule: which are refused, and how they are written. */
class UpdateRuleTest {
  private static final double[] NO_SHARES = {-0.1, 1, 2, Double.NaN, 0.99999999999};
  private static final double[] NO_DECAYS = {
    -0.1, Double.NaN, Double.POSITIVE_INFINITY, Double.MAX_VALUE
  };

  private static void refused(String what, double[] values, DoubleFunction<?> make) {
    for (double value : values) {
      assertThatThrownBy(() -> make.apply(value))
          .as("%s %s", what, value)
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(what)
          .hasMessageContaining(String.valueOf(value))
          .hasMessageContaining("give ");
    }
  }

  @Test
  void optimisersRefuseWhatMakesNoSense() {
    refused("momentum", NO_SHARES, x -> Optimizer.sgd(x, 0));
    refused("momentum", new double[] {0, 1}, x -> Optimizer.nesterov(x, 0));
    refused("weight decay", NO_DECAYS, x -> Optimizer.sgd(0.9, x));
    refused("beta1", NO_SHARES, x -> Optimizer.adamW(x, 0.999, 1e-8, 0));
    refused("beta2", NO_SHARES, x -> Optimizer.adamW(0.9, x, 1e-8, 0));
    double[] epsilons = {0, -1, 1e-60, Double.NaN, Double.POSITIVE_INFINITY};
    refused("epsilon", epsilons, x -> Optimizer.adamW(0.9, 0.999, x, 0));
    refused("weight decay", NO_DECAYS, x -> Optimizer.adamW(0.9, 0.999, 1e-8, x));
  }

  @Test
  void rulesRefuseWhatMakesNoSense() {
    Optimizer sgd = Optimizer.recipe();
    double[] norms = {-1, Double.NaN, Double.POSITIVE_INFINITY};
    refused("norm to clip at", norms, x -> new UpdateRule(sgd, x, 1, 0));
    refused("average of the weights", NO_SHARES, x -> new UpdateRule(sgd, 0, 1, x));
    for (int batches : new int[] {0, -3, Integer.MAX_VALUE}) {
      assertThatThrownBy(() -> new UpdateRule(sgd, 0, batches, 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("a step takes " + batches + " batches, give 1 to");
    }
  }

  @Test
  void settingsNameWhatIsOn() {
    assertThat(UpdateRule.recipe().settings())
        .containsExactly(
            entry("optimizer", "sgd"), entry("momentum", "0.9"), entry("weight-decay", "2.0E-4"));
    assertThat(new UpdateRule(Optimizer.nesterov(0.8, 0), 2.5, 1, 0).settings())
        .containsExactly(
            entry("optimizer", "nesterov"),
            entry("momentum", "0.8"),
            entry("weight-decay", "0.0"),
            entry("clip-norm", "2.5"));
    assertThat(new UpdateRule(Optimizer.adamW(0.9, 0.99, 1e-7, 0.01), 0, 4, 0.999).settings())
        .containsExactly(
            entry("optimizer", "adamw"),
            entry("beta1", "0.9"),
            entry("beta2", "0.99"),
            entry("epsilon", "1.0E-7"),
            entry("weight-decay", "0.01"),
            entry("accumulate", "4"),
            entry("ema", "0.999"));
  }

  @Test
  void theAverageForgetsTheFirstWeightsSoon() {
    UpdateRule rule = new UpdateRule(Optimizer.recipe(), 0, 1, 0.99);
    assertThat(rule.averageKeeps(0)).isZero();
    assertThat(rule.averageKeeps(1)).isCloseTo(0.1, within(1e-15));
    assertThat(rule.averageKeeps(81)).isCloseTo(0.9, within(1e-15));
    assertThat(rule.averageKeeps(890)).isLessThan(0.99);
    assertThat(rule.averageKeeps(892)).isEqualTo(0.99);
    assertThat(rule.averageKeeps(Long.MAX_VALUE)).isEqualTo(0.99);
  }
}
