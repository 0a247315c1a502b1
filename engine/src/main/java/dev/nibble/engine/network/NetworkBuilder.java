package dev.nibble.engine.network;

import dev.nibble.kernels.AxisSampling;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Sampling;
import dev.nibble.kernels.Window;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

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
  private @Nullable String nextName;

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
        layerName, new Operator.Convolution(map(x), channels, kernel, stride, false), x);
  }

  /**
   * A convolution.
   *
   * @param channels channels that come out
   * @param window kernel, strides, zero padding and dilation
   * @param groups parts of the channels that do not see each other; as many as x has channels for a
   *     depthwise convolution
   * @param bias whether a bias a channel is added
   */
  public Node convolution(
      String layerName, Node x, int channels, Window window, int groups, boolean bias) {
    return weighted(layerName, new Operator.Convolution(map(x), channels, window, groups, bias), x);
  }

  /** A k x k convolution of each channel on its own, without bias, zero padding k/2; k is odd. */
  public Node depthwise(String layerName, Node x, int kernel, int stride) {
    return weighted(layerName, Operator.Convolution.depthwise(map(x), kernel, stride), x);
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
    Operator.Convolution operator = new Operator.Convolution(map(x), channels, 1, 1, bias);
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

  /**
   * The channels of a picture's only pixel as the pixels of a map of one channel, row by row, so
   * that a convolution can see neighbouring channels; {@link #flatten} is the way back.
   *
   * @param x of 1 x 1 pixels
   * @param height rows of the map
   * @param width columns of the map; height times width is the number of channels
   */
  public Node unflatten(Node x, int height, int width) {
    FeatureMap map = map(x);
    if (height < 1 || width < 1 || map.pixels() != 1 || (long) height * width != map.channels()) {
      throw new IllegalArgumentException(
          "%s cannot be read as one channel of %dx%d pixels".formatted(map, height, width));
    }
    return map.channels() == 1
        ? x
        : add(
            new Layer.Unflatten(
                layers.size(), unnamed("unflatten"), x.id(), new FeatureMap(height, width, 1)));
  }

  /** Batch normalisation. */
  public Node batchNorm(String layerName, Node x) {
    return add(new Layer.BatchNorm(layers.size(), layerName, x.id(), map(x), epsilon, momentum));
  }

  /**
   * Layer normalisation over the channels of each pixel, with scale and shift.
   *
   * @param epsilon added to the variance, above 0
   */
  public Node layerNorm(String layerName, Node x, float epsilon) {
    return groupNorm(layerName, x, GroupNorm.byPixel(map(x), epsilon));
  }

  /**
   * Group normalisation, with scale and shift; with as many groups as channels, instance
   * normalisation.
   *
   * @param groups parts of neighbouring channels that are normalised together, over all pixels
   * @param epsilon added to the variance, above 0
   */
  public Node groupNorm(String layerName, Node x, int groups, float epsilon) {
    return groupNorm(layerName, x, GroupNorm.of(map(x), groups, epsilon));
  }

  /**
   * Global response normalisation, with scale and shift: each channel times the length of the
   * vector of its pixels over the mean length of all channels (ConvNeXt V2 adds x to it).
   *
   * @param epsilon added to the mean, above 0
   */
  public Node responseNorm(String layerName, Node x, float epsilon) {
    return groupNorm(layerName, x, GroupNorm.byResponse(map(x), epsilon, true));
  }

  /** Normalisation of each picture by itself, as the operator says. */
  public Node groupNorm(String layerName, Node x, GroupNorm operator) {
    if (!operator.input().equals(map(x))) {
      throw new IllegalArgumentException(
          "A group norm of %s cannot read %s".formatted(operator.input(), x.map()));
    }
    return add(new Layer.GroupNorm(layers.size(), layerName, x.id(), operator));
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

  /**
   * The product of two tensors of one shape, or of one by another of 1 x 1 pixels, which is the
   * factor of every pixel (squeeze-and-excitation).
   */
  public Node multiply(Node left, Node right) {
    boolean isFactor = map(left).pixels() == 1 && map(right).pixels() > 1;
    Node x = isFactor ? right : left;
    Node factor = isFactor ? left : right;
    Operator.Multiply product = new Operator.Multiply(map(x), map(factor));
    return add(
        new Layer.Multiply(layers.size(), unnamed("multiply"), x.id(), factor.id(), product));
  }

  /** The channels of several tensors of the same height and width, one behind the other. */
  public Node concatenate(List<Node> parts) {
    if (parts.isEmpty()) {
      throw new IllegalArgumentException("A concatenation needs at least one tensor");
    }
    FeatureMap first = map(parts.getFirst());
    int channels = 0;
    for (Node part : parts) {
      FeatureMap map = map(part);
      if (map.height() != first.height() || map.width() != first.width()) {
        throw new IllegalArgumentException(
            "Cannot join the channels of %s and %s".formatted(first, map));
      }
      channels = Math.addExact(channels, map.channels());
    }
    return parts.size() == 1
        ? parts.getFirst()
        : add(
            new Layer.Concatenate(
                layers.size(),
                unnamed("concat"),
                parts.stream().map(Node::id).toList(),
                new FeatureMap(first.height(), first.width(), channels)));
  }

  /** Channels {@code [from, to)}. */
  public Node slice(Node x, int from, int to) {
    FeatureMap map = map(x);
    if (from < 0 || to > map.channels() || from >= to) {
      throw new IllegalArgumentException(
          "Channels %d to %d are none of %s".formatted(from, to, map));
    }
    return padding(x, Operator.Padding.slice(map, from, to), "slice");
  }

  /** Zeros around the pixels; negative numbers cut off. */
  public Node pad(Node x, int top, int left, int bottom, int right) {
    return pad(x, top, left, bottom, right, 0, 0);
  }

  /** Zeros around pixels and channels; negative numbers cut off. */
  public Node pad(Node x, int top, int left, int bottom, int right, int before, int behind) {
    return padding(
        x, new Operator.Padding(map(x), top, left, bottom, right, before, behind), "pad");
  }

  private Node padding(Node x, Operator.Padding padding, String kind) {
    return padding.output().equals(x.map())
            && padding.top() == 0
            && padding.left() == 0
            && padding.before() == 0
        ? x
        : add(new Layer.Padding(layers.size(), unnamed(kind), x.id(), padding));
  }

  /** The nearest pixels of another resolution, as PyTorch's {@code interpolate} takes them. */
  public Node resizeNearest(Node x, int height, int width) {
    FeatureMap map = map(x);
    return sample(
        x,
        new Sampling(
            map,
            AxisSampling.nearest(map.height(), height),
            AxisSampling.nearest(map.width(), width)));
  }

  /** Pixels of another resolution, linearly between those of x, corners not aligned. */
  public Node resizeLinear(Node x, int height, int width) {
    FeatureMap map = map(x);
    return sample(
        x,
        new Sampling(
            map,
            AxisSampling.linear(map.height(), height),
            AxisSampling.linear(map.width(), width)));
  }

  /** Pixels that are sampled as the operator says: resized, reflected, cut. */
  public Node sample(Node x, Sampling operator) {
    FeatureMap map = map(x);
    if (!operator.input().equals(map)) {
      throw new IllegalArgumentException(
          "A sampling of %s cannot read %s".formatted(operator.input(), map));
    }
    boolean isSame =
        operator.rows().equals(AxisSampling.identity(map.height()))
            && operator.columns().equals(AxisSampling.identity(map.width()));
    return isSame ? x : add(new Layer.Sampled(layers.size(), unnamed("sample"), x.id(), operator));
  }

  /** The channels as a groups x C / groups matrix, transposed (ShuffleNet). */
  public Node shuffle(Node x, int groups) {
    Operator.ChannelShuffle shuffle = new Operator.ChannelShuffle(map(x), groups);
    return add(new Layer.Shuffle(layers.size(), unnamed("shuffle"), x.id(), shuffle));
  }

  /** In training, each value becomes 0 with that chance; the others grow to keep the mean. */
  public Node dropout(Node x, float rate) {
    return dropout(x, rate, false);
  }

  /** In training, each picture's tensor becomes 0 with that chance; the others grow. */
  public Node stochasticDepth(Node x, float rate) {
    return dropout(x, rate, true);
  }

  private Node dropout(Node x, float rate, boolean byPicture) {
    Operator.Dropout dropout = new Operator.Dropout(map(x), rate, layers.size(), byPicture);
    return rate == 0
        ? x
        : add(new Layer.Dropout(layers.size(), unnamed("dropout"), x.id(), dropout));
  }

  /** Maximum over k x k windows, padding k/2 for odd k and none for even k. */
  public Node maxPool(Node x, int kernel, int stride) {
    return pooled(new Operator.MaxPooling(map(x), kernel, stride), "maxpool", x);
  }

  /**
   * Maximum over windows; padding never wins.
   *
   * @param ceil whether a last window that is not complete counts
   */
  public Node maxPool(Node x, Window window, boolean ceil) {
    return pooled(new Operator.MaxPooling(map(x), window, ceil), "maxpool", x);
  }

  /** Mean over stride x stride windows. */
  public Node averagePool(Node x, int stride) {
    return shortcut(x, stride, map(x).channels());
  }

  /**
   * Mean over windows.
   *
   * @param ceil whether a last window that is not complete counts
   * @param countPadding whether padding counts as zeros
   */
  public Node averagePool(Node x, Window window, boolean ceil, boolean countPadding) {
    return pooled(
        new Operator.AveragePooling(map(x), window, ceil, countPadding), "averagepool", x);
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
    return pooled(new Operator.GlobalAveragePooling(map(x)), "pool", x);
  }

  /** Maximum over all pixels. */
  public Node globalMaxPool(Node x) {
    return pooled(Operator.MaxPooling.global(map(x)), "maxpool", x);
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

  private Node weighted(String layerName, Operator.Convolution operator, Node x) {
    return add(new Layer.Weighted(layers.size(), layerName, x.id(), operator, false));
  }

  private Node pooled(Operator operator, String kind, Node x) {
    return add(new Layer.Pooling(layers.size(), unnamed(kind), x.id(), operator));
  }

  private String unnamed(String kind) {
    String given = nextName;
    nextName = null;
    return given == null ? kind + "." + layers.size() : given;
  }

  /** Names the next layer, should it be one that is named by its kind and number. */
  void nextName(String given) {
    nextName = given;
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
