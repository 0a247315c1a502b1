package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.network.LayerNames;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.optim.Optimizer;
import dev.nibble.engine.optim.UpdateRule;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Layers with learning rates of their own. */
class RateScaleTest {
  private static final Network NETWORK = ResNet.of("resnet8", new FeatureMap(6, 6, 3), 3);

  private static PlanOptions options(Optimizer optimizer, Map<String, Double> scales) {
    return PlanOptions.training(4, StoreFormat.FP32, false)
        .withUpdate(UpdateRule.of(optimizer).withRateScales(scales));
  }

  /** By how much each parameter's first value moves in a step, and what it was. */
  private static Map<String, float[]> step(Optimizer optimizer, Map<String, Double> scales) {
    Map<String, float[]> values = new HashMap<>();
    try (TestSession test = new TestSession(NETWORK, options(optimizer, scales), 1, 4)) {
      test.load();
      assertThat(test.step(1f / 64)).isTrue();
      for (Parameter parameter : NETWORK.parameters()) {
        if (parameter.kind().trainable()) {
          values.put(parameter.name(), test.session().values(parameter).toArray(JAVA_FLOAT));
        }
      }
    }
    return values;
  }

  /** A power of two scales without rounding: the step with twice the rate is that of all layers. */
  @Test
  void aScaledLayerMovesAsWithThatRateAndTheOthersAsBefore() {
    for (Optimizer optimizer :
        List.of(Optimizer.sgd(0.9, 1e-3), Optimizer.adamW(0.9, 0.999, 1e-8, 0.01))) {
      Map<String, Double> scales = new LinkedHashMap<>();
      scales.put("*", 2.0);
      Map<String, float[]> twice = step(optimizer, scales);
      Map<String, float[]> once = step(optimizer, Map.of());
      scales.put("stages.1", 1.0);
      scales.put("stem", 1.0);
      Map<String, float[]> mixed = step(optimizer, scales);
      for (Map.Entry<String, float[]> entry : mixed.entrySet()) {
        String name = entry.getKey();
        boolean plain = name.startsWith("stages.1.") || name.startsWith("stem.");
        assertThat(entry.getValue()).as(name).isEqualTo((plain ? once : twice).get(name));
        if (!name.equals("head.fc.bias")) {
          assertThat(once.get(name)).as(name).isNotEqualTo(twice.get(name));
        }
      }
    }
  }

  @Test
  void namesAreThoseOfLayersGroupsAndPatterns() {
    assertThat(LayerNames.matches("stages.0", "stages.0.blocks.0.units.0.bn")).isTrue();
    assertThat(LayerNames.matches("stages.0", "stages.01")).isFalse();
    assertThat(LayerNames.matches("stages.*.bn", "stages.0.blocks.0.units.0.bn")).isTrue();
    assertThat(LayerNames.matches("stages.?.blocks", "stages.2.blocks.0.units.0.conv")).isTrue();
    assertThat(LayerNames.matches("stages.*.bn", "stages.0.blocks.0.units.0.conv")).isFalse();
    assertThat(LayerNames.matches("a.b*", "aXb1")).isFalse();
    assertThat(LayerNames.select(NETWORK, "head*")).containsExactly("head.bn", "head.fc");
  }

  @Test
  void whatStandsForNoLayerOrIsNoFactorIsRefused() {
    assertThatThrownBy(
            () -> ExecutionPlan.of(NETWORK, options(Optimizer.recipe(), Map.of("haed", 10.0))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no layer 'haed'")
        .hasMessageContaining("stem");
    for (double factor : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatThrownBy(() -> UpdateRule.recipe().withRateScales(Map.of("head", factor)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("above 0");
    }
  }
}
