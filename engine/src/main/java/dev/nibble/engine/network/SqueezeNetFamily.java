package dev.nibble.engine.network;

import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.kernels.Window;
import java.util.List;
import java.util.Map;

/** Iandola et al. 2016, "SqueezeNet", version 1.1. */
final class SqueezeNetFamily {
  private SqueezeNetFamily() {}

  static NetworkFamily family() {
    return new TorchvisionFamily(
        List.of("squeezenet1_1"), Map.of("squeezenet1_1", SqueezeNetFamily::build));
  }

  private static Network build(NetworkBuilder b, int classes) {
    Node x = b.relu(b.convolution("features.0", b.input(), 64, Window.square(3, 2, 0), 1, true));
    x = pooled(b, x);
    x = fire(b, "features.4", fire(b, "features.3", x, 16, 64), 16, 64);
    x = pooled(b, x);
    x = fire(b, "features.7", fire(b, "features.6", x, 32, 128), 32, 128);
    x = pooled(b, x);
    x = fire(b, "features.10", fire(b, "features.9", x, 48, 192), 48, 192);
    x = fire(b, "features.12", fire(b, "features.11", x, 64, 256), 64, 256);
    x = b.dropout(x, 0.5f);
    x = b.relu(b.convolution("classifier.1", x, classes, Window.square(1, 1), 1, true));
    return b.build(b.globalAveragePool(x));
  }

  private static Node pooled(NetworkBuilder b, Node x) {
    return b.maxPool(x, Window.square(3, 2, 0), true);
  }

  private static Node fire(NetworkBuilder b, String name, Node x, int squeezed, int expanded) {
    Window pixel = Window.square(1, 1);
    Node s = b.relu(b.convolution(name + ".squeeze", x, squeezed, pixel, 1, true));
    Node one = b.relu(b.convolution(name + ".expand1x1", s, expanded, pixel, 1, true));
    Node three =
        b.relu(b.convolution(name + ".expand3x3", s, expanded, Window.square(3, 1), 1, true));
    return b.concatenate(List.of(one, three));
  }
}
