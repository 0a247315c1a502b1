package dev.nibble.engine.network;

import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Window;
import java.util.List;
import java.util.Map;

/**
 * Simonyan and Zisserman 2014, "Very Deep Convolutional Networks": 3x3 convolutions, three dense.
 */
final class VggFamily {
  /** Channels of each convolution; 0 halves the map. */
  private static final List<Integer> ELEVEN =
      List.of(64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0);

  private static final List<Integer> SIXTEEN =
      List.of(64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0);

  /** Rows and columns that the first dense layer reads. */
  private static final int SIDE = 7;

  private VggFamily() {}

  static NetworkFamily family() {
    return new TorchvisionFamily(
        List.of("vgg11", "vgg16", "vgg11_bn", "vgg16_bn"),
        Map.of(
            "vgg11", (b, classes) -> build(b, classes, ELEVEN, false),
            "vgg16", (b, classes) -> build(b, classes, SIXTEEN, false),
            "vgg11_bn", (b, classes) -> build(b, classes, ELEVEN, true),
            "vgg16_bn", (b, classes) -> build(b, classes, SIXTEEN, true)));
  }

  private static Network build(
      NetworkBuilder b, int classes, List<Integer> design, boolean batchNorm) {
    Node x = b.input();
    int number = 0;
    for (int channels : design) {
      if (channels == 0) {
        x = b.maxPool(x, 2, 2);
        number++;
        continue;
      }
      x = b.convolution("features." + number++, x, channels, Window.square(3, 1), 1, true);
      if (batchNorm) {
        x = b.batchNorm("features." + number++, x);
      }
      x = b.relu(x);
      number++;
    }
    x = b.flatten(pooled(b, x));
    x = b.dropout(b.relu(b.dense("classifier.0", x, 4096)), 0.5f);
    x = b.dropout(b.relu(b.dense("classifier.3", x, 4096)), 0.5f);
    return b.build(b.dense("classifier.6", x, classes));
  }

  /** Means of 7x7 windows side by side; adaptive windows that overlap are left out. */
  private static Node pooled(NetworkBuilder b, Node x) {
    FeatureMap map = x.map();
    if (map.height() % SIDE != 0 || map.width() % SIDE != 0) {
      throw new IllegalArgumentException(
          "height and width must be multiples of 224 for its dense layers");
    }
    int rows = map.height() / SIDE;
    int columns = map.width() / SIDE;
    return rows == 1 && columns == 1
        ? x
        : b.averagePool(x, new Window(rows, columns, rows, columns, 0, 0, 0, 0, 1, 1), false, true);
  }
}
