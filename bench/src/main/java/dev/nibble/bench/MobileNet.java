package dev.nibble.bench;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.kernels.FeatureMap;

/**
 * MobileNetV2 (Sandler et al. 2018) with ReLU in the place of ReLU6: a network of depthwise and 1x1
 * convolutions to measure, not one whose trained weights exist.
 */
final class MobileNet {
  static final String NAME = "mobilenet_v2_relu";

  /** Expansion, channels, blocks, stride of the first: the paper's table 2. */
  private static final int[][] GROUPS = {
    {1, 16, 1, 1},
    {6, 24, 2, 2},
    {6, 32, 3, 2},
    {6, 64, 4, 2},
    {6, 96, 3, 1},
    {6, 160, 3, 2},
    {6, 320, 1, 1}
  };

  private static final int STEM = 32;
  private static final int LAST = 1280;

  private MobileNet() {}

  static Network of(FeatureMap input, int classes) {
    NetworkBuilder b = Network.builder(NAME, input).epsilon(1e-5f);
    Node x = b.relu(norm(b, "stem", b.convolution("stem", b.input(), STEM, 3, 2)));
    int index = 0;
    for (int[] group : GROUPS) {
      for (int block = 0; block < group[2]; block++) {
        x = block(b, x, "blocks." + index++, group[0], group[1], block == 0 ? group[3] : 1);
      }
    }
    x = b.relu(norm(b, "last", b.convolution("last", x, LAST, 1, 1)));
    return b.build(b.dense("fc", b.globalAveragePool(x), classes));
  }

  private static Node block(
      NetworkBuilder b, Node x, String name, int expansion, int channels, int stride) {
    Node y = x;
    int wide = expansion * x.map().channels();
    if (expansion > 1) {
      String expand = name + ".expand";
      y = b.relu(norm(b, expand, b.convolution(expand, y, wide, 1, 1)));
    }
    String depthwise = name + ".depthwise";
    y = b.relu(norm(b, depthwise, b.depthwise(depthwise, y, 3, stride)));
    String project = name + ".project";
    y = norm(b, project, b.convolution(project, y, channels, 1, 1));
    return stride == 1 && x.map().channels() == channels ? b.add(x, y) : y;
  }

  private static Node norm(NetworkBuilder b, String name, Node x) {
    return b.batchNorm(name + ".bn", x);
  }
}
