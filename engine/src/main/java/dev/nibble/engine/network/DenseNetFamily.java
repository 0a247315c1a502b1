package dev.nibble.engine.network;

import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.kernels.Window;
import java.util.List;
import java.util.Map;

/** Huang et al. 2016, "Densely Connected Convolutional Networks". */
final class DenseNetFamily {
  private static final List<Integer> BLOCKS = List.of(6, 12, 24, 16);

  /** Channels that each layer adds. */
  private static final int GROWTH = 32;

  private DenseNetFamily() {}

  static NetworkFamily family() {
    return new TorchvisionFamily(
        List.of("densenet121"), Map.of("densenet121", DenseNetFamily::build));
  }

  private static Network build(NetworkBuilder b, int classes) {
    Node x = b.convolution("features.conv0", b.input(), 2 * GROWTH, 7, 2);
    x = b.maxPool(b.relu(b.batchNorm("features.norm0", x)), 3, 2);
    for (int block = 1; block <= BLOCKS.size(); block++) {
      for (int layer = 1; layer <= BLOCKS.get(block - 1); layer++) {
        String name = "features.denseblock" + block + ".denselayer" + layer + ".";
        Node y = b.relu(b.batchNorm(name + "norm1", x));
        y = b.convolution(name + "conv1", y, 4 * GROWTH, 1, 1);
        y = b.relu(b.batchNorm(name + "norm2", y));
        x = b.concatenate(List.of(x, b.convolution(name + "conv2", y, GROWTH, 3, 1)));
      }
      if (block < BLOCKS.size()) {
        String name = "features.transition" + block + ".";
        Node y = b.relu(b.batchNorm(name + "norm", x));
        y = b.convolution(name + "conv", y, x.map().channels() / 2, 1, 1);
        x = b.averagePool(y, Window.square(2, 2, 0), false, true);
      }
    }
    x = b.relu(b.batchNorm("features.norm5", x));
    return b.build(b.dense("classifier", b.globalAveragePool(x), classes));
  }
}
