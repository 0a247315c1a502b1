package dev.nibble.engine.exchange.onnx;

import dev.nibble.engine.exchange.onnx.graph.Graph;
import dev.nibble.engine.exchange.onnx.graph.GraphNode;
import dev.nibble.engine.exchange.onnx.graph.Operation;
import dev.nibble.engine.exchange.onnx.graph.Shape;
import dev.nibble.engine.exchange.onnx.graph.Weight;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.kernels.AxisSampling;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Sampling;
import dev.nibble.kernels.Window;
import java.util.Arrays;
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

  /** Where each parameter's values are, by its name. */
  private final Map<String, ParameterSource> sources = new LinkedHashMap<>();

  private NetworkMapping(Graph graph, LayerSupport support, String name) {
    this.graph = graph;
    this.support = support;
    this.builder = Network.builder(name, support.input());
    this.built = new NetworkBuilder.Node[graph.nodes().size()];
  }

  /** A network and where its parameters' values are. */
  record Mapped(Network network, Map<String, ParameterSource> sources) {}

  /**
   * Builds the network of a graph in which everything is supported.
   *
   * @param name the network's
   * @throws IllegalArgumentException if a layer exceeds what the engine can hold
   */
  static Mapped of(Graph graph, LayerSupport support, String name) {
    NetworkMapping mapping = new NetworkMapping(graph, support, name);
    for (GraphNode node : graph.nodes()) {
      try {
        mapping.built[node.id()] = mapping.add(node);
      } catch (IllegalArgumentException | ArithmeticException e) {
        throw new IllegalArgumentException(
            "%s '%s' cannot be built: %s".formatted(node.operator(), node.label(), e.getMessage()),
            e);
      }
    }
    Network network = mapping.builder.build(mapping.built[graph.output()]);
    return new Mapped(network, mapping.sources);
  }

  private NetworkBuilder.Node add(GraphNode node) {
    if (support.isInput(node)) {
      return builder.input();
    }
    NetworkBuilder.Node x = built[node.inputs().getFirst()];
    return switch (node.operation()) {
      case Operation.Convolution c -> {
        String name = layer(node);
        weighted(name, c.weight(), c.bias());
        int channels = Objects.requireNonNull(node.shape()).channels();
        yield builder.convolution(
            name, x, channels, window(c.window()), c.groups(), c.bias() != null);
      }
      case Operation.Dense d -> {
        String name = layer(node);
        weighted(name, d.weight(), d.bias());
        int channels = Objects.requireNonNull(node.shape()).channels();
        yield builder.dense(name, x, channels, d.bias() != null);
      }
      case Operation.BatchNorm b -> {
        String name = layer(node);
        weighted(name, b.scale(), b.shift());
        sources.put(name + ".running_mean", new ParameterSource.OfFile(b.mean()));
        sources.put(name + ".running_var", new ParameterSource.OfFile(b.variance()));
        builder.epsilon(b.epsilon()).momentum(newest(b.momentum()));
        yield builder.batchNorm(name, x);
      }
      case Operation.GroupNorm g -> {
        boolean isAffine = affine(node, x, g.scale(), g.shift());
        yield builder.groupNorm(
            layer(node), x, new GroupNorm(x.map(), g.groups(), g.byPixel(), g.epsilon(), isAffine));
      }
      case Operation.ResponseNorm n -> {
        boolean isAffine = affine(node, x, n.scale(), n.shift());
        yield builder.groupNorm(
            layer(node), x, GroupNorm.byResponse(x.map(), n.epsilon(), isAffine));
      }
      case Operation.Activation a -> activation(node, x, a);
      case Operation.MaxPool p -> builder.maxPool(x, window(p.window()), p.ceil());
      case Operation.AveragePool p ->
          LayerSupport.isByStride(x.map(), map(Objects.requireNonNull(node.shape())), p)
              ? builder.averagePool(x, p.window().strideHeight())
              : builder.averagePool(x, window(p.window()), p.ceil(), p.countPadding());
      case Operation.GlobalAverage g -> builder.globalAveragePool(x);
      case Operation.Add a -> builder.add(x, built[node.inputs().get(1)]);
      case Operation.Multiply m -> builder.multiply(x, built[node.inputs().get(1)]);
      case Operation.WithConstant c -> affine(node, x, c);
      case Operation.Concatenate c ->
          builder.concatenate(node.inputs().stream().map(id -> built[id]).toList());
      case Operation.ChannelSlice s -> builder.slice(x, s.from(), s.to());
      case Operation.ChannelShuffle s -> builder.shuffle(x, s.groups());
      case Operation.Sampled s ->
          builder.sample(
              x,
              new Sampling(
                  x.map(),
                  AxisSampling.of(x.map().height(), s.rows(), s.rowWeights()),
                  AxisSampling.of(x.map().width(), s.columns(), s.columnWeights())));
      case Operation.ZeroPad p -> padded(node, x, p);
      case Operation.Reshape r -> {
        FeatureMap map = map(Objects.requireNonNull(node.shape()));
        yield map.pixels() > 1 && x.map().pixels() == 1
            ? builder.unflatten(x, map.height(), map.width())
            : builder.flatten(x);
      }
      case Operation.Dropout d ->
          d.byPicture() ? builder.stochasticDepth(x, d.rate()) : builder.dropout(x, d.rate());
      default -> throw new IllegalStateException("Not supported: " + node.operation());
    };
  }

  /** Notes where scale and shift of a norm are, and tells whether it has them. */
  private boolean affine(
      GraphNode node, NetworkBuilder.Node x, @Nullable Weight scale, @Nullable Weight shift) {
    String name = layer(node);
    int channels = x.map().channels();
    if (scale != null) {
      sources.put(name + ".weight", new ParameterSource.OfFile(scale));
    } else if (shift != null) {
      float[] ones = new float[channels];
      Arrays.fill(ones, 1);
      sources.put(name + ".weight", new ParameterSource.Computed(ones));
    }
    if (shift != null) {
      sources.put(name + ".bias", new ParameterSource.OfFile(shift));
    } else if (scale != null) {
      sources.put(name + ".bias", new ParameterSource.Computed(new float[channels]));
    }
    return scale != null || shift != null;
  }

  private void weighted(String name, Weight weight, @Nullable Weight bias) {
    sources.put(name + ".weight", new ParameterSource.OfFile(weight));
    if (bias != null) {
      sources.put(name + ".bias", new ParameterSource.OfFile(bias));
    }
  }

  private static Window window(dev.nibble.engine.exchange.onnx.graph.Window w) {
    return new Window(
        w.height(),
        w.width(),
        w.strideHeight(),
        w.strideWidth(),
        w.top(),
        w.left(),
        w.bottom(),
        w.right(),
        w.dilationHeight(),
        w.dilationWidth());
  }

  /** A factor or summand a channel: a depthwise convolution of one pixel. */
  private NetworkBuilder.Node affine(
      GraphNode node, NetworkBuilder.Node x, Operation.WithConstant joined) {
    Constants constants = Constants.of(joined, Objects.requireNonNull(node.shape()));
    if (constants == null) {
      throw new IllegalStateException("Not supported: " + joined);
    }
    String name = layer(node);
    float[] summand = constants.summand();
    sources.put(name + ".weight", new ParameterSource.Computed(constants.factor()));
    if (summand != null) {
      sources.put(name + ".bias", new ParameterSource.Computed(summand));
    }
    int channels = x.map().channels();
    return builder.convolution(name, x, channels, Window.square(1, 1), channels, summand != null);
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
        sources.put(name + ".weight", slopes(Objects.requireNonNull(a.slope()), x));
        yield builder.prelu(name, x);
      }
      case ELU -> builder.activation(x, new Nonlinearity.Elu(alpha));
      case SIGMOID -> builder.activation(x, new Nonlinearity.Sigmoid());
      case HARD_SIGMOID -> builder.activation(x, new Nonlinearity.HardSigmoid(alpha, beta));
      case SILU -> builder.activation(x, new Nonlinearity.Silu());
      case HARD_SWISH -> builder.activation(x, new Nonlinearity.HardSwish());
      case MISH -> builder.activation(x, new Nonlinearity.Mish());
      case GELU -> builder.activation(x, new Nonlinearity.Gelu(false));
      case GELU_TANH -> builder.activation(x, new Nonlinearity.Gelu(true));
      case TANH -> builder.activation(x, new Nonlinearity.Tanh());
    };
  }

  /** A slope a channel; one for all channels becomes as many, which are trained each by itself. */
  private static ParameterSource slopes(Weight weight, NetworkBuilder.Node x) {
    int channels = x.map().channels();
    if (weight.elements() == channels) {
      return new ParameterSource.OfFile(weight);
    }
    float[] slopes = new float[channels];
    Arrays.fill(slopes, (float) weight.values()[0]);
    return new ParameterSource.Computed(slopes);
  }

  /** ONNX has the share of the old statistics; in decimals, as people write it. */
  private static float newest(float old) {
    return (float) (Math.rint((1 - (double) old) * 1e6) / 1e6);
  }

  private NetworkBuilder.Node padded(GraphNode node, NetworkBuilder.Node x, Operation.ZeroPad pad) {
    boolean isAround = pad.top() + pad.left() + pad.bottom() + pad.right() > 0;
    int more = pad.before() + pad.after();
    if (isAround || pad.before() != more / 2) {
      return builder.pad(
          x, pad.top(), pad.left(), pad.bottom(), pad.right(), pad.before(), pad.after());
    }
    return shortcut(node, x);
  }

  /** Zero channels around what was pooled, or around a tensor as it is. */
  private NetworkBuilder.Node shortcut(GraphNode node, NetworkBuilder.Node x) {
    int channels = Objects.requireNonNull(node.shape()).channels();
    GraphNode source = graph.nodes().get(node.inputs().getFirst());
    if (source.operation() instanceof Operation.AveragePool pool && support.readers(source) == 1) {
      NetworkBuilder.Node before = built[source.inputs().getFirst()];
      if (LayerSupport.isByStride(before.map(), x.map(), pool)) {
        // One layer for both: the pooled tensor alone is then computed by nobody.
        return builder.shortcut(before, pool.window().strideHeight(), channels);
      }
    }
    return builder.shortcut(x, 1, channels);
  }

  /** A layer's name, which must not be one that the builder gives to layers without parameters. */
  private static String layer(GraphNode node) {
    boolean isTaken =
        node.name().equals("input")
            || node.name()
                .matches(
                    "(relu|activation|add|multiply|concat|slice|pad|shuffle|dropout|maxpool|averagepool|"
                        + "shortcut|pool|flatten|unflatten|sample)\\.\\d+");
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
