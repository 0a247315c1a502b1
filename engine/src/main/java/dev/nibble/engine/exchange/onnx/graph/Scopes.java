package dev.nibble.engine.exchange.onnx.graph;

import dev.nibble.engine.exchange.onnx.model.Node;
import java.util.ArrayList;
import java.util.List;

/** Where in the source's modules a node comes from, as PyTorch's exporters write it. */
final class Scopes {
  private static final String TORCH_NAMES = "pkg.torch.onnx.name_scopes";

  private Scopes() {}

  /** Such as {@code layer1.0.conv1}; empty if the node does not tell. */
  static String of(Node node) {
    String names = node.metadata().get(TORCH_NAMES);
    return names == null ? fromPath(node.name()) : fromList(names);
  }

  /** Of {@code /layer1/layer1.0/conv1/Conv}: a part may repeat the one before it. */
  private static String fromPath(String path) {
    if (!path.startsWith("/")) {
      return "";
    }
    String[] parts = path.substring(1).split("/", -1);
    List<String> scope = new ArrayList<>();
    for (int i = 0; i < parts.length - 1; i++) {
      String last = scope.isEmpty() ? "" : scope.getLast();
      if (!last.isEmpty() && parts[i].startsWith(last + ".")) {
        scope.removeLast();
      }
      scope.add(parts[i]);
    }
    return String.join(".", scope);
  }

  /** Of {@code ['', 'layer1', 'layer1.0', 'layer1.0.conv1', 'conv2d_2']}: the one before last. */
  private static String fromList(String names) {
    String[] parts = names.replaceAll("[\\[\\]' ]", "").split(",", -1);
    return parts.length < 2 ? "" : parts[parts.length - 2];
  }
}
