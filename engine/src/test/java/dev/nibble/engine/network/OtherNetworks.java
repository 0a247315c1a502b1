package dev.nibble.engine.network;

import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.kernels.AxisSampling;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.GroupNorm;
import dev.nibble.kernels.Nonlinearity;
import dev.nibble.kernels.Sampling;
import dev.nibble.kernels.Window;
import java.util.List;

/** Small networks of what a residual network has not. */
final class OtherNetworks {
  private OtherNetworks() {}

  private static NetworkBuilder builder(String name) {
    return Network.builder(name, new FeatureMap(9, 8, 3));
  }

  private static Node normalized(NetworkBuilder b, String name, Node x, int channels, Window w) {
    Node y = b.convolution(name + ".conv", x, channels, w, 1, false);
    return b.relu(b.batchNorm(name + ".bn", y));
  }

  private static Network headed(NetworkBuilder b, Node x) {
    return b.build(b.dense("fc", b.globalAveragePool(x), 3));
  }

  /**
   * Even, rectangular, dilated, asymmetrically padded kernels, groups, bias, pooling of all kinds.
   */
  static Network windows() {
    NetworkBuilder b = builder("windows");
    Node x = b.convolution("even", b.input(), 6, Window.square(4, 2, 1), 1, true);
    x = b.convolution("row", b.relu(x), 6, new Window(1, 3, 1, 1, 0, 1, 0, 1, 1, 1), 2, true);
    x = b.maxPool(b.relu(x), new Window(3, 2, 1, 1, 1, 0, 1, 0, 1, 1), true);
    x = b.convolution("dilated", x, 4, new Window(3, 2, 1, 2, 2, 0, 1, 2, 2, 1), 1, false);
    x = b.relu(b.batchNorm("bn", x));
    x = b.averagePool(x, Window.square(3, 2, 1), true, false);
    x = b.averagePool(x, Window.square(2, 1, 1), false, true);
    x = b.convolution("depthwise", x, 4, Window.square(3, 1, 1), 4, true);
    return b.build(b.dense("fc", b.globalMaxPool(b.relu(x)), 3, false));
  }

  /** What is joined: convolutions, activations, the pictures, one tensor twice, a sum. */
  static Network concatenations() {
    NetworkBuilder b = builder("concatenations");
    Node a = normalized(b, "a", b.input(), 4, Window.square(3, 1, 1));
    Node left = b.convolution("left", a, 3, Window.square(1, 1), 1, false);
    Node right = normalized(b, "right", a, 5, Window.square(3, 1, 1));
    Node sum = b.add(b.convolution("third", a, 4, Window.square(1, 1), 1, false), a);
    Node x = b.concatenate(List.of(left, right, b.input(), left, sum));
    Node y = b.relu(b.batchNorm("joined", x));
    y = b.convolution("one", y, 4, Window.square(3, 2, 1), 1, false);
    Node z = b.convolution("two", b.relu(x), 4, Window.square(1, 2, 0), 1, false);
    return headed(b, b.relu(b.concatenate(List.of(y, z))));
  }

  private static Network nested(NetworkBuilder b) {
    Node one = b.convolution("one", b.input(), 2, Window.square(3, 1, 1), 1, false);
    Node two = b.convolution("two", b.input(), 3, Window.square(1, 1), 1, false);
    Node inner = b.concatenate(List.of(one, b.relu(two)));
    Node three = b.convolution("three", b.input(), 2, Window.square(3, 1, 1), 1, true);
    Node x = b.concatenate(List.of(three, inner));
    return headed(b, normalized(b, "last", x, 4, Window.square(3, 1, 1)));
  }

  /** A concatenation that another one joins. */
  static Network nestedConcatenation() {
    return nested(builder("nested-concatenation"));
  }

  /** Each layer reads all before it. */
  static Network denselyConnected() {
    NetworkBuilder b = builder("densely-connected");
    Node x = b.convolution("stem", b.input(), 4, Window.square(3, 1, 1), 1, false);
    for (int layer = 0; layer < 3; layer++) {
      Node y = b.relu(b.batchNorm(layer + ".bn", x));
      y = b.convolution(layer + ".conv", y, 2, Window.square(3, 1, 1), 1, false);
      x = b.concatenate(List.of(x, y));
    }
    x = b.averagePool(b.convolution("transition", b.relu(x), 4, Window.square(1, 1), 1, false), 2);
    return headed(b, b.relu(b.batchNorm("last", x)));
  }

  /**
   * Layer, group and instance norm: of a convolution, of an activation, added to a shortcut, of
   * vectors, of a map that was flattened, in a concatenation, with and without scale and shift.
   */
  static Network groupNorms() {
    NetworkBuilder b = builder("group-norms");
    Node x = b.convolution("stem", b.input(), 6, Window.square(2, 2, 0), 1, true);
    x = b.layerNorm("stem.norm", x, 1e-2f);
    Node y = b.convolution("depthwise", x, 6, Window.square(3, 1, 1), 6, true);
    y = b.layerNorm("block.norm", y, 1e-2f);
    y = b.convolution("up", y, 10, Window.square(1, 1), 1, true);
    y =
        b.convolution(
            "down", b.activation(y, Nonlinearity.silu()), 6, Window.square(1, 1), 1, true);
    x = b.add(x, b.groupNorm("group", y, 3, 1e-2f));
    y = b.relu(b.groupNorm("one", b.relu(b.batchNorm("bn", x)), 1, 1e-2f));
    Node z = b.groupNorm("plain", x, new GroupNorm(x.map(), 2, false, 1e-2f, false));
    x = b.concatenate(List.of(b.convolution("conv", y, 4, 3, 1), z));
    x = b.groupNorm("instance", x, 10, 1e-2f);
    x = b.add(x, b.responseNorm("response", x, 1e-2f));
    Node flat = b.dense("hidden", b.layerNorm("flat", b.flatten(b.slice(x, 3, 6)), 1e-2f), 5);
    Node pooled = b.layerNorm("pooled", b.globalAveragePool(x), 1e-2f);
    return b.build(b.dense("fc", b.concatenate(List.of(flat, pooled)), 3));
  }

  /** Maps of several resolutions that are added, a reflected edge, pixels that are left out. */
  static Network resolutions() {
    NetworkBuilder b = builder("resolutions");
    Node x = b.relu(b.batchNorm("bn", b.convolution("stem", b.input(), 6, 3, 1)));
    int height = x.map().height();
    int width = x.map().width();
    Node y = b.convolution("half", x, 6, 3, 2);
    x = b.add(x, b.resizeNearest(b.batchNorm("half.bn", y), height, width));
    Node z = b.activation(b.convolution("quarter", y, 6, 3, 2), new Nonlinearity.Silu());
    x = b.relu(b.add(x, b.resizeLinear(z, height, width)));
    int[] rows = new int[height + 1];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = i == 0 ? 1 : i - 1;
    }
    AxisSampling reflected = AxisSampling.of(height, rows, new float[rows.length]);
    AxisSampling odd = AxisSampling.of(width, new int[] {1, 3}, new float[2]);
    x = b.convolution("last", b.sample(x, new Sampling(x.map(), reflected, odd)), 5, 3, 1);
    return b.build(b.dense("fc", b.globalAveragePool(x), 3));
  }

  /** Factors that a convolution along the channels makes, of one row and of several. */
  static Network efficientChannelAttention() {
    NetworkBuilder b = builder("channel-attention");
    Node x = b.relu(b.batchNorm("bn", b.convolution("stem", b.input(), 6, 3, 1)));
    Node row = b.unflatten(b.globalAveragePool(x), 1, 6);
    row = b.convolution("row", row, 1, new Window(1, 3, 1, 1, 0, 1, 0, 1, 1, 1), 1, false);
    x = b.multiply(x, b.flatten(b.activation(row, new Nonlinearity.Sigmoid())));
    x = b.convolution("conv", x, 6, Window.square(2, 2, 0), 1, true);
    Node rows = b.unflatten(b.globalMaxPool(x), 2, 3);
    rows = b.relu(b.convolution("rows", rows, 2, Window.square(1, 1), 1, true));
    rows = b.convolution("joined", rows, 1, Window.square(3, 1, 1), 1, true);
    x = b.multiply(x, b.activation(b.flatten(rows), new Nonlinearity.HardSigmoid(1 / 6f, 0.5f)));
    return b.build(b.dense("fc", b.globalAveragePool(x), 3));
  }

  /** A factor a channel, a factor a value, and a tensor times itself. */
  static Network products() {
    NetworkBuilder b = builder("products");
    Node x = normalized(b, "stem", b.input(), 4, Window.square(3, 1, 1));
    Node s = b.convolution("squeeze", b.globalAveragePool(x), 2, Window.square(1, 1), 1, true);
    s = b.convolution("excite", b.relu(s), 4, Window.square(1, 1), 1, true);
    x = b.multiply(s, x);
    x = b.batchNorm("bn", b.convolution("one", x, 4, Window.square(3, 2, 1), 1, false));
    Node gate = b.convolution("gate", b.relu(x), 4, Window.square(1, 1), 1, true);
    Node y = b.convolution("two", b.relu(x), 4, 3, 1);
    return headed(b, b.relu(b.add(b.multiply(y, gate), b.multiply(y, y))));
  }

  /** Slices, shuffles, zeros around. */
  static Network moves() {
    NetworkBuilder b = builder("moves");
    Node x = normalized(b, "stem", b.input(), 6, Window.square(3, 2, 1));
    Node left = b.slice(x, 0, 3);
    Node right = normalized(b, "right", b.slice(x, 3, 6), 3, Window.square(3, 1, 1));
    x = b.shuffle(b.concatenate(List.of(left, right)), 2);
    x = b.pad(x, 1, 0, 0, 2);
    x = b.convolution("last", x, 4, Window.square(2, 1, 0), 1, false);
    return headed(b, b.relu(b.batchNorm("bn", x)));
  }

  /** Maps flattened in PyTorch's order, with layers between them and the dense ones. */
  static Network flattened() {
    NetworkBuilder b = Network.builder("flattened", new FeatureMap(5, 4, 2));
    Node x = b.maxPool(b.relu(b.convolution("one", b.input(), 3, 3, 1)), 2, 2);
    x = b.relu(b.batchNorm("bn", b.flatten(x)));
    Node pictures = b.dense("pictures", b.flatten(b.input()), 4, false);
    x = b.concatenate(List.of(b.dense("fc1", x, 4), b.relu(pictures)));
    Node y = b.convolution("two", b.input(), 2, Window.square(3, 2, 1), 1, true);
    x = b.concatenate(List.of(x, b.flatten(y)));
    return b.build(b.dense("fc2", x, 3));
  }

  /** Two convolutions of one activation, of which either may be frozen beside the other. */
  static Network branches() {
    NetworkBuilder b = builder("branches");
    Node x = b.convolution("stem", b.input(), 4, Window.square(3, 1, 1), 1, true);
    x = b.relu(b.batchNorm("bn1", x));
    Node y = b.convolution("one", x, 4, Window.square(3, 1, 1), 1, false);
    Node z = b.convolution("two", x, 4, Window.square(1, 1), 1, true);
    return headed(b, b.relu(b.add(y, b.relu(z))));
  }

  /**
   * A batch norm without a function that is read by a padded convolution, by one of a pixel and as
   * a shortcut, whose sum a batch norm follows.
   */
  static Network normOnThreePaths() {
    NetworkBuilder b = builder("norm-on-three-paths");
    Node x =
        b.batchNorm("bn1", b.convolution("stem", b.input(), 4, Window.square(3, 1, 1), 1, false));
    Node y = b.batchNorm("bn2", b.convolution("wide", x, 4, Window.square(3, 1, 1), 4, false));
    Node z = b.convolution("narrow", x, 4, Window.square(1, 1), 4, true);
    x = b.batchNorm("bn3", b.add(b.add(y, z), x));
    return headed(b, b.relu(b.convolution("last", x, 4, Window.square(1, 1), 1, true)));
  }

  /** Functions with edges, smooth ones, slopes that are trained, with and without batch norm. */
  static Network functions() {
    NetworkBuilder b = builder("functions");
    Node x = b.convolution("stem", b.input(), 6, Window.square(3, 2, 1), 1, true);
    x = b.prelu("slopes", x);
    x = b.batchNorm("bn1", b.convolution("one", x, 18, Window.square(1, 1), 1, false));
    x = b.activation(x, Nonlinearity.relu6());
    x = b.batchNorm("bn2", b.convolution("two", x, 18, Window.square(3, 1, 1), 18, false));
    Node y = b.activation(x, Nonlinearity.hardSwish());
    x = b.batchNorm("bn3", b.convolution("three", y, 7, Window.square(1, 1), 1, false));
    x = b.prelu("more", x);
    x = b.convolution("four", x, 6, Window.square(3, 1, 1), 1, true);
    x =
        b.convolution(
            "five", b.activation(x, Nonlinearity.silu()), 5, Window.square(1, 1), 1, true);
    x = b.batchNorm("bn4", x);
    x =
        b.convolution(
            "six", b.activation(x, new Nonlinearity.Mish()), 5, Window.square(1, 1), 1, true);
    return headed(b, b.activation(x, new Nonlinearity.Gelu(false)));
  }
}
