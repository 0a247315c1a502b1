package dev.nibble.engine.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.kernels.FeatureMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class NetworkTableTest {
  @Test
  void aNetworkIsATable() {
    NetworkBuilder b = Network.builder("tiny", new FeatureMap(8, 8, 3));
    Node x = b.relu(b.batchNorm("bn", b.convolution("conv", b.input(), 16, 3, 2)));
    x = b.add(b.depthwise("dw", x, 5, 1), x);
    x = b.globalAveragePool(b.shortcut(b.maxPool(x, 2, 2), 2, 20));
    Network network = b.build(b.dense("fc", x, 10));
    assertThat(network.toString().lines())
        .containsExactly(
            "layer       kind                                             reads       output  parameters  multiply-adds",
            "input       pictures                                                     8x8x3",
            "conv        3x3 convolution, stride 2                        input       4x4x16         432          6,912",
            "bn          batch norm                                       conv        4x4x16          32",
            "relu.3      ReLU                                             bn          4x4x16",
            "dw          5x5 depthwise convolution                        relu.3      4x4x16         400          6,400",
            "add.5       sum                                              dw, relu.3  4x4x16",
            "maxpool.6   2x2 max pooling, stride 2                        add.5       2x2x16",
            "shortcut.7  2x2 average pooling and zero channels, stride 2  maxpool.6   1x1x20",
            "pool.8      global average pooling                           shortcut.7  1x1x20",
            "fc          dense                                            pool.8      1x1x10         210            200",
            "tiny: pictures of 8x8x3, 10 classes, 1,074 parameters, 13,512 multiply-adds a picture");
  }

  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void everyLayerHasALine(Network network) {
    assertThat(network.toString().lines()).hasSize(network.layers().size() + 2);
    assertThat(network.toString())
        .endsWith(" multiply-adds a picture")
        .contains("%,d parameters".formatted(network.parameterCount()));
  }
}
