package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.exchange.onnx.graph.Graph;
import dev.nibble.engine.exchange.onnx.graph.GraphNode;
import dev.nibble.engine.exchange.onnx.graph.Operation;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Whether a network normalises its pictures itself, by constants before its first layer. */
final class OwnNormalization {
  /** Constants of pictures of values 0..1 are smaller: means up to 1, deviations of a fraction. */
  private static final double MOST_SUMMAND = 2;

  private static final double LEAST_FACTOR = 0.5;
  private static final float BYTES = 255;

  private OwnNormalization() {}

  /** The largest value of the pictures that it takes: 1 or 255; 0 if it does not normalise them. */
  static float most(Graph graph, LayerSupport support) {
    boolean isFound = false;
    double scale = 1;
    GraphNode node = graph.nodes().getFirst();
    while (node != null) {
      if (node.operation() instanceof Operation.WithConstant joined && node.shape() != null) {
        isFound = true;
        Constants constants = Constants.of(joined, Objects.requireNonNull(node.shape()));
        if (constants == null) {
          return 1;
        }
        float[] summand = constants.summand();
        if (summand != null && scale == 1 && largest(summand) > MOST_SUMMAND) {
          return BYTES;
        }
        if (scale == 1 && largest(constants.factor()) < LEAST_FACTOR) {
          return BYTES;
        }
        scale = summand == null ? 0 : scale;
      } else if (!support.isInput(node)) {
        break;
      }
      node = onlyReader(graph, node);
    }
    return isFound ? 1 : 0;
  }

  private static double largest(float[] values) {
    double largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }

  private static @Nullable GraphNode onlyReader(Graph graph, GraphNode of) {
    GraphNode found = null;
    for (GraphNode node : graph.nodes()) {
      if (node.inputs().contains(of.id())) {
        if (found != null) {
          return null;
        }
        found = node;
      }
    }
    return found;
  }
}
