package dev.nibble.engine.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Window;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Which layers are as wide as there are classes, and what becomes of them with others. */
class NetworkHeadTest {
  private final NetworkBuilder builder = Network.builder("net", new FeatureMap(8, 8, 3));
  private final Node trunk =
      builder.globalAveragePool(
          builder.relu(builder.convolution("stem", builder.input(), 6, 3, 1)));

  private static int rows(Network network, String parameter) {
    return network.parameter(parameter).shape()[0];
  }

  @Test
  void severalSummedLayersMakeTheLogits() {
    Node sum = builder.add(builder.dense("a", trunk, 4), builder.dense("b", trunk, 4));
    Network network = builder.build(builder.dropout(sum, 0.5f));
    assertThat(network.head()).containsExactlyInAnyOrder("a", "b");
    Network other = network.withClasses(7);
    assertThat(other.classes()).isEqualTo(7);
    assertThat(rows(other, "a.weight")).isEqualTo(7);
    assertThat(rows(other, "b.bias")).isEqualTo(7);
    assertThat(rows(other, "stem.weight")).isEqualTo(6);
  }

  @Test
  void whatTheLogitsPassIsAsWide() {
    Node logits = builder.batchNorm("norm", builder.dense("fc", trunk, 4));
    Node scaled = builder.convolution("scale", logits, 4, Window.square(1, 1), 4, false);
    Network network = builder.build(scaled);
    assertThat(network.head()).containsExactly("scale", "norm", "fc");
    Network other = network.withClasses(2);
    assertThat(other.classes()).isEqualTo(2);
    assertThat(rows(other, "scale.weight")).isEqualTo(2);
    assertThat(rows(other, "norm.running_var")).isEqualTo(2);
  }

  @Test
  void aConvolutionBeforeThePoolingIsAHead() {
    NetworkBuilder b = Network.builder("net", new FeatureMap(8, 8, 3));
    Node maps = b.convolution("classifier.1", b.input(), 5, Window.square(1, 1), 1, true);
    Network network = b.build(b.globalAveragePool(b.relu(maps)));
    assertThat(network.head()).containsExactly("classifier.1");
    assertThat(network.withClasses(9).classes()).isEqualTo(9);
  }

  @Test
  void logitsThatAreJoinedKeepTheirNumber() {
    Node joined =
        builder.concatenate(List.of(builder.dense("a", trunk, 4), builder.dense("b", trunk, 3)));
    Network network = builder.build(joined);
    assertThatThrownBy(() -> network.withClasses(9))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("joins what makes its logits");
    assertThat(network.withClasses(7)).isSameAs(network);
  }

  @Test
  void anotherNameLeavesTheRest() {
    Network network = builder.build(builder.dense("fc", trunk, 4));
    Network renamed = network.withName("other");
    assertThat(renamed.name()).isEqualTo("other");
    assertThat(renamed.layers()).isEqualTo(network.layers());
    assertThat(renamed.output()).isEqualTo(network.output());
  }
}
