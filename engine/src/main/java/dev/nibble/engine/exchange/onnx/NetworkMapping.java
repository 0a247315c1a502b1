package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.exchange.onnx.graph.Graph;
import dev.nibble.engine.exchange.onnx.graph.GraphNode;
import dev.nibble.engine.exchange.onnx.graph.Operation;
import dev.nibble.engine.exchange.onnx.graph.Shape;
import dev.nibble.engine.exchange.onnx.graph.Weight;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Nonlinearity;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Builds a network of a graph: the one place that knows which layers {@link NetworkBuilder} has.
 * What it has not is {@link LayerSupport}'s to tell; a new layer is a case in both.
 */
final class NetworkMapping {
  private final Graph graph;
  private final LayerSupport support;
  private final NetworkBuilder builder;
  private final NetworkBuilder.Node[] built;

  /** Where each parameter's values are, by its name; null where the file has none, and it is 0. */
  private final Map<String, @Nullable Weight> weights = new LinkedHashMap<>();

  private NetworkMapping(Graph graph, LayerSupport support) {
    this.graph = graph;
    this.support = support;
    this.builder = Network.builder(graph.name(), support.input());
    this.built = new NetworkBuilder.Node[graph.nodes().size()];
  }

  /** A network and where its parameters' values are. */
  record Mapped(Network network, Map<String, @Nullable Weight> weights) {}

  /**
   * Builds the network of a graph in which everything is supported.
   *
   * @throws IllegalArgumentException if a layer exceeds what the engine can hold
   */
  static Mapped of(Graph graph, LayerSupport support) {
    NetworkMapping mapping = new NetworkMapping(graph, support);
    for (GraphNode node : graph.nodes()) {
      mapping.built[node.id()] = mapping.add(node);
    }
    Network network = mapping.builder.build(mapping.built[graph.output()]);
    return new Mapped(network, mapping.weights);
  }

  private NetworkBuilder.Node add(GraphNode node) {
    if (support.isInput(node)) {
      return builder.input();
    }
    NetworkBuilder.Node x = built[node.inputs().getFirst()];
    return switch (node.operation()) {
      case Operation.Convolution c -> convolution(node, x, c);
      case Operation.Dense d -> dense(node, x, d.weight(), d.bias());
      case Operation.BatchNorm b -> {
        String name = layer(node);
        weights.put(name + ".weight", b.scale());
        weights.put(name + ".bias", b.shift());
        weights.put(name + ".running_mean", b.mean());
        weights.put(name + ".running_var", b.variance());
        builder.epsilon(b.epsilon()).momentum(newest(b.momentum()));
        yield builder.batchNorm(name, x);
      }
      case Operation.Activation a -> activation(node, x, a);
      case Operation.MaxPool p ->
          builder.maxPool(x, p.window().height(), p.window().strideHeight());
      case Operation.AveragePool p -> builder.averagePool(x, p.window().strideHeight());
      case Operation.GlobalAverage g -> builder.globalAveragePool(x);
      case Operation.Add a -> builder.add(x, built[node.inputs().get(1)]);
      case Operation.ZeroPad p -> shortcut(node, x);
      case Operation.Reshape r -> builder.flatten(x);
      // Dropout is told as left out.
      case Operation.Dropout d -> x;
      default -> throw new IllegalStateException("Not supported: " + node.operation());
    };
  }

  private NetworkBuilder.Node convolution(
      GraphNode node, NetworkBuilder.Node x, Operation.Convolution c) {
    if (c.bias() != null) {
      return dense(node, x, c.weight(), c.bias());
    }
    String name = layer(node);
    weights.put(name + ".weight", c.weight());
    int kernel = c.window().height();
    int stride = c.window().strideHeight();
    Shape shape = Objects.requireNonNull(node.shape());
    return c.groups() == 1
        ? builder.convolution(name, x, shape.channels(), kernel, stride)
        : builder.depthwise(name, x, kernel, stride);
  }

  private NetworkBuilder.Node dense(
      GraphNode node, NetworkBuilder.Node x, Weight weight, @Nullable Weight bias) {
    String name = layer(node);
    weights.put(name + ".weight", weight);
    weights.put(name + ".bias", bias);
    return builder.dense(name, x, Objects.requireNonNull(node.shape()).channels(), bias != null);
  }

  private NetworkBuilder.Node activation(
      GraphNode node, NetworkBuilder.Node x, Operation.Activation a) {
    float alpha = (float) a.alpha();
    float beta = (float) a.beta();
    return switch (a.function()) {
      case RELU -> builder.relu(x);
      case CLIP -> builder.activation(x, new Nonlinearity.Clip(alpha, beta));
      case LEAKY_RELU -> builder.activation(x, new Nonlinearity.LeakyRelu(alpha));
      case PRELU -> {
        String name = layer(node);
        weights.put(name + ".weight", a.slope());
        yield builder.prelu(name, x);
      }
      case ELU -> builder.activation(x, new Nonlinearity.Elu(alpha));
      case SIGMOID -> builder.activation(x, new Nonlinearity.Sigmoid());
      case HARD_SIGMOID -> builder.activation(x, new Nonlinearity.HardSigmoid(alpha, beta));
      case SILU -> builder.activation(x, new Nonlinearity.Silu());
      case HARD_SWISH -> builder.activation(x, new Nonlinearity.HardSwish());
      case GELU -> builder.activation(x, new Nonlinearity.Gelu(false));
      case GELU_TANH -> builder.activation(x, new Nonlinearity.Gelu(true));
      case TANH -> builder.activation(x, new Nonlinearity.Tanh());
    };
  }

  /** ONNX has the share of the old statistics; in decimals, as people write it. */
  private static float newest(float old) {
    return (float) (Math.rint((1 - (double) old) * 1e6) / 1e6);
  }

  /** Zero channels around what was pooled, or around a tensor as it is. */
  private NetworkBuilder.Node shortcut(GraphNode node, NetworkBuilder.Node x) {
    int channels = Objects.requireNonNull(node.shape()).channels();
    GraphNode source = graph.nodes().get(node.inputs().getFirst());
    if (source.operation() instanceof Operation.AveragePool pool && support.readers(source) == 1) {
      // One layer for both: the pooled tensor alone is then computed by nobody.
      NetworkBuilder.Node before = built[source.inputs().getFirst()];
      return builder.shortcut(before, pool.window().strideHeight(), channels);
    }
    return builder.shortcut(x, 1, channels);
  }

  /** A layer's name, which must not be one that the builder gives to layers without parameters. */
  private static String layer(GraphNode node) {
    boolean isTaken =
        node.name().equals("input")
            || node.name().matches("(relu|activation|add|maxpool|shortcut|pool|flatten)\\.\\d+");
    return isTaken ? node.name() + "_layer" : node.name();
  }

  /** How many nodes read each. */
  static Map<Integer, Integer> readers(List<GraphNode> nodes) {
    Map<Integer, Integer> readers = new HashMap<>();
    nodes.forEach(node -> node.inputs().forEach(id -> readers.merge(id, 1, Integer::sum)));
    return readers;
  }

  static FeatureMap map(Shape shape) {
    return new FeatureMap(shape.height(), shape.width(), shape.channels());
  }
}
