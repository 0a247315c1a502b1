package dev.nibble.engine.network;

import dev.nibble.kernels.FeatureMap;
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

  NetworkBuilder(String name, FeatureMap input) {
    this.name = name;
    add(new Layer.Input(0, "input", input));
  }

  /** Sets what is added to every batch norm's variance; 0.001 unless told. */
  public NetworkBuilder epsilon(float value) {
    if (!(value > 0)) {
      throw new IllegalArgumentException("Batch norm's epsilon must be positive, not " + value);
    }
    epsilon = value;
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

  /** A dense layer with bias; its input has 1 x 1 pixels (pool it first). */
  public Node dense(String layerName, Node x, int channels) {
    if (map(x).pixels() != 1) {
      throw new IllegalArgumentException(
          "A dense layer reads 1x1 pixels, but " + layerName + " would read " + x.map());
    }
    return weighted(layerName, x, new Operator.Convolution(map(x), channels, 1, 1, true));
  }

  /** Batch normalisation. */
  public Node batchNorm(String layerName, Node x) {
    return add(new Layer.BatchNorm(layers.size(), layerName, x.id(), map(x)));
  }

  /** max(x, 0). */
  public Node relu(Node x) {
    return add(new Layer.Relu(layers.size(), unnamed("relu"), x.id(), map(x)));
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
    return new Network(name, layers, logits.id(), epsilon);
  }

  private Node weighted(String layerName, Node x, Operator operator) {
    return add(new Layer.Weighted(layers.size(), layerName, x.id(), operator));
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
