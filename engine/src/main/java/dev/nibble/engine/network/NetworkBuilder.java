package dev.nibble.engine.network;

import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Operator;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Builds a network layer by layer. Every method adds one layer and returns its handle, which later
 * layers read.
 *
 * <pre>{@code
 * var b = Network.builder("plain", new FeatureMap(28, 28, 1));
 * var x = b.relu(b.batchNorm("bn1", b.convolution("conv1", b.input(), 32, 3, 2)));
 * x = b.globalAveragePool(b.relu(b.batchNorm("bn2", b.convolution("conv2", x, 64, 3, 2))));
 * Network network = b.build(b.dense("fc", x, 10));
 * }</pre>
 */
public final class NetworkBuilder {
  /** A layer's output. */
  public record Node(int id, FeatureMap map) {}

  private final String name;
  private final List<Layer> layers = new ArrayList<>();
  private final Set<String> names = new HashSet<>();
  private float epsilon = 1e-3f;
  private float momentum = 0.1f;

  NetworkBuilder(String name, FeatureMap input) {
    this.name = name;
    add(new Layer.Input(0, "input", input));
  }

  /** Sets what is added to the variance of the batch norms that follow; 0.001 unless told. */
  public NetworkBuilder epsilon(float value) {
    if (!(value >= 0) || Float.isInfinite(value)) {
      throw new IllegalArgumentException(
          "Batch norm's epsilon must be a number from 0 on, not " + value);
    }
    epsilon = value;
    return this;
  }

  /**
   * Sets the share of the newest batch in the running statistics of the batch norms that follow, 0
   * to 1; 0.1 unless told.
   */
  public NetworkBuilder momentum(float value) {
    if (!(value >= 0 && value <= 1)) {
      throw new IllegalArgumentException(
          "Batch norm's momentum must lie between 0 and 1, not " + value);
    }
    momentum = value;
    return this;
  }

  /** The pictures. */
  public Node input() {
    return new Node(0, layers.getFirst().output());
  }

  /** A k x k convolution without bias, zero padding k/2; k is odd. */
  public Node convolution(String layerName, Node x, int channels, int kernel, int stride) {
    return weighted(
        layerName, x, new Operator.Convolution(map(x), channels, kernel, stride, false));
  }

  /** A k x k convolution of each channel on its own, without bias, zero padding k/2; k is odd. */
  public Node depthwise(String layerName, Node x, int kernel, int stride) {
    return weighted(layerName, x, Operator.Convolution.depthwise(map(x), kernel, stride));
  }

  /** A dense layer with bias; its input has 1 x 1 pixels (pool or flatten it first). */
  public Node dense(String layerName, Node x, int channels) {
    return dense(layerName, x, channels, true);
  }

  /** A dense layer with or without bias; its input has 1 x 1 pixels (pool or flatten it first). */
  public Node dense(String layerName, Node x, int channels, boolean bias) {
    if (map(x).pixels() != 1) {
      throw new IllegalArgumentException(
          "A dense layer reads 1x1 pixels, but %s would read %s: pool or flatten that first"
              .formatted(layerName, x.map()));
    }
    Operator operator = new Operator.Convolution(map(x), channels, 1, 1, bias);
    return add(new Layer.Weighted(layers.size(), layerName, x.id(), operator, true));
  }

  /**
   * All values of a picture as one pixel, in PyTorch's order, channel by channel; nothing is moved
   * in memory.
   */
  public Node flatten(Node x) {
    FeatureMap map = map(x);
    return map.pixels() == 1
        ? x
        : add(
            new Layer.Flatten(
                layers.size(), unnamed("flatten"), x.id(), new FeatureMap(1, 1, map.values())));
  }

  /** Batch normalisation. */
  public Node batchNorm(String layerName, Node x) {
    return add(
        new Layer.BatchNorm(layers.size(), layerName, x.id(), map(x), epsilon, momentum));
  }

  /** max(x, 0). */
  public Node relu(Node x) {
    return activation(x, Nonlinearity.relu());
  }

  /** A function of every value, without parameters. */
  public Node activation(Node x, Nonlinearity function) {
    if (function.hasSlope()) {
      throw new IllegalArgumentException("A PReLU needs a name, which its slopes have in files");
    }
    if (function.equals(Nonlinearity.identity())) {
      return x;
    }
    String kind = function.equals(Nonlinearity.relu()) ? "relu" : "activation";
    return add(new Layer.Activation(layers.size(), unnamed(kind), x.id(), map(x), function));
  }

  /** x or, below 0, x times the channel's slope, which is trained. */
  public Node prelu(String layerName, Node x) {
    Nonlinearity function = new Nonlinearity.Prelu();
    return add(new Layer.Activation(layers.size(), layerName, x.id(), map(x), function));
  }

  /** The sum of two tensors of one shape. */
  public Node add(Node left, Node right) {
    if (!map(left).equals(map(right))) {
      throw new IllegalArgumentException("Cannot add " + left.map() + " and " + right.map());
    }
    return add(new Layer.Add(layers.size(), unnamed("add"), left.id(), right.id(), map(left)));
  }

  /** Maximum over k x k windows, padding k/2 for odd k and none for even k. */
  public Node maxPool(Node x, int kernel, int stride) {
    Operator pool = new Operator.MaxPooling(map(x), kernel, stride);
    return add(new Layer.Pooling(layers.size(), unnamed("maxpool"), x.id(), pool));
  }

  /** Mean over stride x stride windows. */
  public Node averagePool(Node x, int stride) {
    return shortcut(x, stride, map(x).channels());
  }

  /** The parameter-free shortcut: average pooling by the stride, then zero channels around. */
  public Node shortcut(Node x, int stride, int channels) {
    Operator.Resample resample = new Operator.Resample(map(x), stride, channels);
    return resample.isIdentity()
        ? x
        : add(new Layer.Shortcut(layers.size(), unnamed("shortcut"), x.id(), resample));
  }

  /** Mean over all pixels. */
  public Node globalAveragePool(Node x) {
    Operator pool = new Operator.GlobalAveragePooling(map(x));
    return add(new Layer.Pooling(layers.size(), unnamed("pool"), x.id(), pool));
  }

  /**
   * Finishes the network.
   *
   * @param logits the output, 1 x 1 x classes
   */
  public Network build(Node logits) {
    if (map(logits).pixels() != 1) {
      throw new IllegalArgumentException("The logits must have 1x1 pixels, not " + logits.map());
    }
    return new Network(name, layers, logits.id());
  }

  private Node weighted(String layerName, Node x, Operator operator) {
    return add(new Layer.Weighted(layers.size(), layerName, x.id(), operator, false));
  }

  private String unnamed(String kind) {
    return kind + "." + layers.size();
  }

  private FeatureMap map(Node node) {
    if (node.id() >= layers.size() || !layers.get(node.id()).output().equals(node.map())) {
      throw new IllegalArgumentException("The layer read belongs to another network");
    }
    return node.map();
  }

  private Node add(Layer layer) {
    if (!names.add(layer.name())) {
      throw new IllegalArgumentException("Two layers are named " + layer.name());
    }
    layers.add(layer);
    return new Node(layer.id(), layer.output());
  }
}
