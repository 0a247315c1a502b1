package dev.nibble.engine.infer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.exec.ReferenceNetwork;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.network.FoldedNetwork;
import dev.nibble.engine.network.Layer;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.network.SampleNetworks;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** A predictor's logits are those of the network that nothing was folded into. */
class FoldingTest {
  private static final int COUNT = 5;

  @SuppressWarnings("exports") // test code: nobody else reads this module's tests
  static Stream<Named<Network>> networks() {
    Stream<Network> wider =
        Stream.of(
            ResNet.of("resnet20", new FeatureMap(16, 16, 3), 10),
            ResNet.of("resnet29", new FeatureMap(8, 8, 3), 10),
            separable(),
            unread());
    return Stream.concat(
        SampleNetworks.named(), wider.map(network -> Named.of(network.name(), network)));
  }

  /** As many channels as vectors have contexts, and some more. */
  private static Network separable() {
    NetworkBuilder b = Network.builder("wide-separable", new FeatureMap(10, 10, 3));
    Node x = b.relu(b.batchNorm("stem.bn", b.convolution("stem", b.input(), 24, 3, 1)));
    x = b.maxPool(x, 3, 2);
    for (int block = 0; block < 2; block++) {
      x = b.relu(b.batchNorm(block + ".dbn", b.depthwise(block + ".depthwise", x, 3, 1)));
      x = b.relu(b.batchNorm(block + ".bn", b.convolution(block + ".conv", x, 40, 1, 1)));
    }
    Node pooled = b.globalAveragePool(x);
    return b.build(b.dense("fc", b.relu(b.batchNorm("fc.bn", b.dense("fc.in", pooled, 33))), 7));
  }

  /** A second reader that nothing comes of must not keep the batch norm from being folded. */
  private static Network unread() {
    NetworkBuilder b = Network.builder("unread", new FeatureMap(6, 6, 3));
    Node y = b.convolution("conv", b.input(), 8, 3, 1);
    b.convolution("unread.conv", b.batchNorm("unread.bn", y), 4, 1, 1);
    Node x = b.batchNorm("bn2", b.batchNorm("bn1", y));
    return b.build(b.dense("fc", b.globalAveragePool(b.relu(x)), 3));
  }

  @ParameterizedTest
  @MethodSource("networks")
  void logitsAreThoseOfTheNetworkAsTrained(Network network) {
    try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        TestSession test = new TestSession(network, PlanOptions.inference(COUNT), 1, 3);
        Predictor predictor =
            PredictorFixture.predictor(test.session(), PredictorFixture.options(1, 2), account)) {
      float[] expected = PredictorFixture.unfolded(test);
      double[] exact =
          new ReferenceNetwork(network, COUNT).logits(test.parameters(), test.pictures(), false);
      float[] logits = new float[COUNT * network.classes()];
      predictor.predict(test.pictures(), COUNT, logits);
      double most = 0;
      double fromSession = 0;
      double fromReference = 0;
      for (int i = 0; i < logits.length; i++) {
        most = Math.max(most, Math.abs(exact[i]));
        fromSession = Math.max(fromSession, Math.abs(logits[i] - expected[i]));
        fromReference = Math.max(fromReference, Math.abs(logits[i] - exact[i]));
      }
      assertThat(fromSession / most).as("error against the session").isLessThan(1e-4);
      assertThat(fromReference / most).as("error against the reference").isLessThan(1e-4);
    }
  }

  @ParameterizedTest
  @CsvSource({"resnet8, 4, 3", "resnet20, 10, 9", "resnet29, 19, 9"})
  void everyNormBehindAConvolutionIsFolded(String model, int folded, int left) {
    FoldedNetwork network = FoldedNetwork.of(ResNet.of(model, new FeatureMap(32, 32, 3), 10));
    assertThat(network.norms())
        .hasSize(folded)
        .containsEntry("stem", "stages.0.blocks.0.units.0.bn");
    assertThat(norms(network.network())).hasSize(left).contains("head.bn");
  }

  @Test
  void aNormStaysWhereTheConvolutionIsReadElsewhere() {
    Network both =
        SampleNetworks.all().stream()
            .filter(n -> n.name().equals("several-norms-of-one-tensor"))
            .findFirst()
            .orElseThrow();
    assertThat(FoldedNetwork.of(both).norms()).isEmpty();
    assertThat(FoldedNetwork.of(separable()).norms())
        .containsOnlyKeys("stem", "0.conv", "0.depthwise", "1.conv", "1.depthwise", "fc.in");
    FoldedNetwork unread = FoldedNetwork.of(unread());
    assertThat(unread.norms()).containsExactly(java.util.Map.entry("conv", "bn1"));
    assertThat(norms(unread.network())).containsExactly("bn2");
  }

  private static List<String> norms(Network network) {
    return network.layers().stream()
        .filter(Layer.BatchNorm.class::isInstance)
        .map(Layer::name)
        .toList();
  }
}
