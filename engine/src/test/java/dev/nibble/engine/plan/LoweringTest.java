package dev.nibble.engine.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.network.SampleNetworks;
import dev.nibble.engine.plan.StageGraph.Node;
import dev.nibble.engine.plan.StageGraph.View;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.StoreFormat;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Which stages a network is cut into. */
class LoweringTest {
  private static String describe(Node node) {
    View shortcut = node.shortcut();
    String from = node.input().tensor().name() + describe(node.input());
    return node.name()
        + " < "
        + from
        + (shortcut == null ? "" : " + " + shortcut.tensor().name() + describe(shortcut));
  }

  private static String describe(View view) {
    return (view.norm() == null ? "" : " bn")
        + (view.function().equals(Nonlinearity.relu()) ? " relu" : "");
  }

  private static List<String> describe(Network network) {
    return Lowering.lower(network).stages().stream().map(LoweringTest::describe).toList();
  }

  @Test
  void aPreActivationNetworkBecomesOneStagePerConvolution() {
    String group = "stages.%d.blocks.0.units.%d.conv";
    String a0 = group.formatted(0, 0);
    String a1 = group.formatted(0, 1);
    String b0 = group.formatted(1, 0);
    String b1 = group.formatted(1, 1);
    String c0 = group.formatted(2, 0);
    String c1 = group.formatted(2, 1);
    assertThat(describe(ResNet.of("resnet8", new FeatureMap(32, 32, 3), 10)))
        .containsExactly(
            "stem < input",
            a0 + " < stem bn relu",
            a1 + " < " + a0 + " bn relu + stem bn relu",
            b0 + " < " + a1 + " bn relu",
            b1 + " < " + b0 + " bn relu + " + a1,
            c0 + " < " + b1 + " bn relu",
            c1 + " < " + c0 + " bn relu + " + b1,
            "pool.27 < " + c1 + " bn relu",
            "head.fc < pool.27");
  }

  @Test
  void bottleneckBlocksTakeTheirShortcutBeforeTheNorm() {
    List<String> stages = describe(ResNet.of("resnet11", new FeatureMap(32, 32, 3), 10));
    assertThat(stages).hasSize(1 + 9 + 2);
    assertThat(stages.get(6))
        .isEqualTo(
            "stages.1.blocks.0.units.2.conv < stages.1.blocks.0.units.1.conv bn relu"
                + " + stages.0.blocks.0.units.2.conv");
  }

  @Test
  void theShortcutsPoolingAndZeroChannelsArePartOfTheSum() {
    StageGraph graph = Lowering.lower(ResNet.of("resnet8", new FeatureMap(32, 32, 3), 10));
    Node sum = graph.stages().get(4);
    assertThat(sum.transform()).isEqualTo(new Operator.Resample(new FeatureMap(32, 32, 16), 2, 32));
    assertThat(graph.stages().get(2).transform())
        .isEqualTo(Operator.Resample.identity(new FeatureMap(32, 32, 16)));
  }

  @Test
  void sumsOfOneShapeAreMadeInTheShortcutsPlace() {
    Network network = ResNet.of("resnet14", new FeatureMap(32, 32, 3), 10);
    ExecutionPlan plan =
        ExecutionPlan.of(network, PlanOptions.training(4, StoreFormat.INT4, false));
    for (Node node : plan.graph().stages()) {
      View shortcut = node.shortcut();
      if (shortcut != null && node.transform() != null) {
        Buffer sum = plan.buffers().tensor(node.output());
        Buffer source = plan.buffers().tensor(shortcut.tensor());
        assertThat(sum == source).as(node.name()).isEqualTo(node.transform().isIdentity());
      }
    }
  }

  @Test
  void onlyTheHeadsCopyStaysExact() {
    ExecutionPlan plan =
        ExecutionPlan.of(
            SampleNetworks.preActivation(), PlanOptions.training(4, StoreFormat.INT2, false));
    for (Node node : plan.graph().stages()) {
      StoreFormat store = plan.activation(node.input()).store();
      boolean head = node.operator() instanceof Operator.GlobalAveragePooling;
      StoreFormat copy = head ? StoreFormat.FP32 : StoreFormat.INT2;
      StoreFormat expected = node.input().isIdentity() ? StoreFormat.KEPT : copy;
      assertThat(store).as(node.name()).isEqualTo(expected);
    }
  }

  @Test
  void layersThatTheLogitsDoNotNeedAreLeftOut() {
    NetworkBuilder b = Network.builder("unused", new FeatureMap(4, 4, 3));
    NetworkBuilder.Node x = b.convolution("used", b.input(), 4, 3, 1);
    b.relu(b.convolution("unused", x, 4, 3, 1));
    Network network = b.build(b.dense("fc", b.globalAveragePool(x), 2));
    assertThat(describe(network)).containsExactly("used < input", "pool.4 < used", "fc < pool.4");
  }

  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void everyParameterThatTheLogitsNeedHasItsStage(Network network) {
    StageGraph graph = Lowering.lower(network);
    List<String> weights =
        graph.stages().stream()
            .flatMap(n -> Stream.of(n.weight(), n.bias()))
            .filter(Objects::nonNull)
            .map(p -> p.name())
            .toList();
    assertThat(weights).doesNotHaveDuplicates();
    long norms = graph.tensors().stream().mapToLong(t -> t.norms().size()).sum();
    long slopes = graph.views().stream().filter(v -> v.slope() != null).count();
    assertThat(weights.size() + 4 * norms + slopes).isEqualTo(network.parameters().size());
    assertThat(graph.logits().map()).isEqualTo(new FeatureMap(1, 1, network.classes()));
    assertThat(graph.stages().getLast().output()).isSameAs(graph.logits());
  }
}
