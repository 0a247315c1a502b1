package dev.nibble.engine.network;

import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.kernels.FeatureMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;

/** Small networks of every kind that the planner must cope with; shared by many tests. */
public final class SampleNetworks {
  private SampleNetworks() {}

  /** All of them, as a source of arguments. */
  @SuppressWarnings("exports") // test code: nobody else reads this module's tests
  public static Stream<Named<Network>> named() {
    return all().stream().map(network -> Named.of(network.name(), network));
  }

  /** All of them; their names say what is special. */
  public static List<Network> all() {
    return List.of(
        ResNet.of("resnet8", new FeatureMap(7, 5, 3), 4),
        ResNet.of("resnet11", new FeatureMap(5, 9, 3), 3),
        preActivation(),
        postActivation(),
        projection(),
        maxPoolStem(),
        maxPoolOnPictures(),
        plain(),
        plainWithoutNorm(),
        depthwiseSeparable(),
        depthwiseOnPictures(),
        normReadBothWays(),
        normOnPictures(),
        reluOnPictures(),
        sumWithItself(),
        sumWithOwnActivation(),
        shortcutAfterRelu(),
        shortcutFromPictures(),
        twoBranches(),
        severalNormsOfOneTensor(),
        severalDense(),
        reluAtOutput(),
        normAtOutput(),
        perceptron(),
        OtherNetworks.windows(),
        OtherNetworks.concatenations(),
        OtherNetworks.nestedConcatenation(),
        OtherNetworks.denselyConnected(),
        OtherNetworks.groupNorms(),
        OtherNetworks.resolutions(),
        OtherNetworks.efficientChannelAttention(),
        OtherNetworks.products(),
        OtherNetworks.moves(),
        OtherNetworks.flattened(),
        OtherNetworks.branches(),
        OtherNetworks.normOnThreePaths(),
        OtherNetworks.functions());
  }

  /**
   * A random choice of layers to freeze: none of them depends on one that is left out, and at least
   * one layer with parameters is left out.
   */
  public static Set<String> randomPrefix(Network network, SplittableRandom random) {
    double share = random.nextDouble(0.5, 1);
    boolean[] trained = new boolean[network.layers().size()];
    Set<String> chosen = new LinkedHashSet<>();
    String last = "";
    for (Layer layer : network.layers()) {
      for (int source : layer.inputs()) {
        trained[layer.id()] |= trained[source];
      }
      boolean slopes = layer instanceof Layer.Activation a && a.function().hasSlope();
      boolean scales = layer instanceof Layer.GroupNorm g && g.operator().affine();
      boolean weighs = layer instanceof Layer.Weighted || layer instanceof Layer.BatchNorm;
      if (weighs || scales || slopes) {
        last = layer.name();
        if (!trained[layer.id()] && random.nextDouble() < share) {
          chosen.add(layer.name());
        } else {
          trained[layer.id()] = true;
        }
      }
    }
    chosen.remove(last);
    return chosen;
  }

  /** Pre-activation, two blocks of few channels, the second with pooling and zero channels. */
  public static Network preActivation() {
    NetworkBuilder b = Network.builder("pre-activation", new FeatureMap(6, 6, 3));
    Node x = b.convolution("stem", b.input(), 4, 3, 1);
    x = preBlock(b, x, "one", 4, 1);
    x = preBlock(b, x, "two", 8, 2);
    return b.build(head(b, b.relu(b.batchNorm("head.bn", x)), 3));
  }

  private static Node preBlock(NetworkBuilder b, Node x, String name, int channels, int stride) {
    Node a = b.relu(b.batchNorm(name + ".bn1", x));
    Node y = b.convolution(name + ".conv1", a, channels, 3, stride);
    y = b.relu(b.batchNorm(name + ".bn2", y));
    y = b.convolution(name + ".conv2", y, channels, 3, 1);
    return b.add(y, b.shortcut(x, stride, channels));
  }

  private static Node head(NetworkBuilder b, Node a, int classes) {
    return b.dense("fc", b.globalAveragePool(a), classes);
  }

  private static Node convBnRelu(
      NetworkBuilder b, Node x, String name, int channels, int kernel, int stride) {
    return b.relu(
        b.batchNorm(name + ".bn", b.convolution(name + ".conv", x, channels, kernel, stride)));
  }

  private static Network postActivation() {
    NetworkBuilder b = Network.builder("post-activation", new FeatureMap(6, 5, 3));
    Node x = convBnRelu(b, b.input(), "stem", 5, 3, 1);
    for (String name : List.of("one", "two")) {
      Node y = convBnRelu(b, x, name + ".a", 5, 3, 1);
      y = b.batchNorm(name + ".bn", b.convolution(name + ".conv", y, 5, 3, 1));
      x = b.relu(b.add(y, x));
    }
    return b.build(head(b, x, 3));
  }

  private static Network projection() {
    NetworkBuilder b = Network.builder("projection", new FeatureMap(7, 6, 2));
    Node x = convBnRelu(b, b.input(), "stem", 4, 3, 1);
    for (int block = 0; block < 2; block++) {
      Node y = convBnRelu(b, x, block + ".a", 6, 3, 2 - block);
      y = b.batchNorm(block + ".bn", b.convolution(block + ".conv", y, 6, 3, 1));
      Node side = b.convolution(block + ".projection", x, 6, 1, 2 - block);
      x = b.relu(b.add(y, b.batchNorm(block + ".projection.bn", side)));
    }
    return b.build(head(b, x, 3));
  }

  private static Network maxPoolStem() {
    NetworkBuilder b = Network.builder("max-pool-stem", new FeatureMap(11, 9, 3));
    Node x = b.maxPool(convBnRelu(b, b.input(), "stem", 4, 5, 1), 3, 2);
    x = preBlock(b, x, "one", 4, 1);
    x = b.maxPool(convBnRelu(b, x, "two", 6, 3, 1), 2, 2);
    return b.build(head(b, b.relu(b.convolution("last", x, 6, 3, 1)), 3));
  }

  private static Network maxPoolOnPictures() {
    NetworkBuilder b = Network.builder("max-pool-on-pictures", new FeatureMap(8, 8, 2));
    Node x = convBnRelu(b, b.maxPool(b.input(), 2, 2), "one", 4, 3, 1);
    return b.build(head(b, b.averagePool(x, 3), 3));
  }

  private static Network plain() {
    NetworkBuilder b = Network.builder("plain", new FeatureMap(6, 6, 1));
    Node x = convBnRelu(b, b.input(), "one", 4, 3, 1);
    x = convBnRelu(b, x, "two", 5, 5, 2);
    x = convBnRelu(b, x, "three", 6, 3, 1);
    return b.build(head(b, x, 3));
  }

  /** Convolutions one behind the other. */
  public static Network plainWithoutNorm() {
    NetworkBuilder b = Network.builder("plain-without-norm", new FeatureMap(6, 6, 3));
    Node x = b.relu(b.convolution("one", b.input(), 5, 3, 1));
    x = b.convolution("linear", x, 4, 1, 1);
    x = b.relu(b.convolution("two", x, 6, 3, 3));
    return b.build(head(b, x, 3));
  }

  private static Network depthwiseSeparable() {
    NetworkBuilder b = Network.builder("depthwise-separable", new FeatureMap(7, 7, 3));
    Node x = convBnRelu(b, b.input(), "stem", 4, 3, 1);
    for (int block = 0; block < 2; block++) {
      x = b.relu(b.batchNorm(block + ".bn", b.depthwise(block + ".depthwise", x, 3, 1 + block)));
      x = convBnRelu(b, x, block + ".pointwise", 6, 1, 1);
    }
    return b.build(head(b, x, 3));
  }

  private static Network depthwiseOnPictures() {
    NetworkBuilder b = Network.builder("depthwise-on-pictures", new FeatureMap(6, 6, 3));
    Node x = b.depthwise("depthwise", b.input(), 3, 1);
    return b.build(head(b, convBnRelu(b, x, "one", 4, 1, 1), 3));
  }

  private static Network normReadBothWays() {
    NetworkBuilder b = Network.builder("norm-read-both-ways", new FeatureMap(6, 6, 3));
    Node n = b.batchNorm("bn", b.convolution("stem", b.input(), 4, 3, 1));
    Node y = b.convolution("conv", b.relu(n), 4, 3, 1);
    return b.build(head(b, b.relu(b.add(n, y)), 3));
  }

  private static Network normOnPictures() {
    NetworkBuilder b = Network.builder("norm-on-pictures", new FeatureMap(6, 6, 3));
    Node x = b.convolution("one", b.batchNorm("bn", b.input()), 4, 3, 1);
    return b.build(head(b, b.relu(x), 3));
  }

  private static Network reluOnPictures() {
    NetworkBuilder b = Network.builder("relu-on-pictures", new FeatureMap(6, 6, 3));
    Node x = b.convolution("one", b.relu(b.input()), 4, 3, 1);
    Node y = b.convolution("two", b.input(), 4, 3, 1);
    return b.build(head(b, b.relu(b.add(x, y)), 3));
  }

  private static Network sumWithItself() {
    NetworkBuilder b = Network.builder("sum-with-itself", new FeatureMap(6, 6, 3));
    Node x = b.convolution("one", b.input(), 4, 3, 1);
    x = b.batchNorm("bn", b.add(x, x));
    x = b.relu(x);
    x = b.convolution("two", b.add(x, x), 4, 3, 2);
    return b.build(head(b, b.relu(x), 3));
  }

  private static Network sumWithOwnActivation() {
    NetworkBuilder b = Network.builder("sum-with-own-activation", new FeatureMap(6, 6, 3));
    Node x = b.convolution("one", b.input(), 4, 3, 1);
    x = b.convolution("two", b.add(x, b.relu(x)), 4, 3, 1);
    x = b.add(x, b.relu(b.batchNorm("bn", x)));
    Node a = b.relu(x);
    return b.build(head(b, b.add(b.convolution("three", a, 4, 3, 1), a), 3));
  }

  private static Network shortcutAfterRelu() {
    NetworkBuilder b = Network.builder("shortcut-after-relu", new FeatureMap(6, 6, 3));
    Node a = b.relu(b.batchNorm("bn1", b.convolution("stem", b.input(), 4, 3, 1)));
    Node y = b.convolution("one", a, 6, 3, 2);
    Node z = b.convolution("two", b.relu(b.batchNorm("bn2", y)), 6, 3, 1);
    Node sum = b.add(z, b.shortcut(a, 2, 6));
    return b.build(head(b, b.relu(b.batchNorm("bn3", sum)), 3));
  }

  private static Network shortcutFromPictures() {
    NetworkBuilder b = Network.builder("shortcut-from-pictures", new FeatureMap(6, 6, 3));
    Node x = b.add(b.convolution("one", b.input(), 3, 3, 1), b.input());
    x = b.add(b.convolution("two", b.relu(x), 5, 3, 2), b.shortcut(b.input(), 2, 5));
    return b.build(head(b, b.relu(b.batchNorm("bn", x)), 3));
  }

  private static Network twoBranches() {
    NetworkBuilder b = Network.builder("two-branches", new FeatureMap(6, 6, 3));
    Node a = convBnRelu(b, b.input(), "stem", 4, 3, 1);
    Node left = b.convolution("left", a, 5, 1, 1);
    Node right = b.convolution("right", a, 5, 3, 1);
    Node pooled = b.convolution("pooled", b.maxPool(a, 3, 1), 5, 1, 1);
    Node sum = b.add(b.add(left, right), pooled);
    return b.build(head(b, b.relu(b.batchNorm("bn", sum)), 3));
  }

  private static Network severalNormsOfOneTensor() {
    NetworkBuilder b = Network.builder("several-norms-of-one-tensor", new FeatureMap(6, 6, 3));
    Node x = b.convolution("stem", b.input(), 4, 3, 1);
    Node left = b.convolution("left", b.relu(b.batchNorm("bn1", x)), 4, 3, 1);
    Node right = b.convolution("right", b.batchNorm("bn2", x), 4, 3, 1);
    Node plain = b.convolution("third", b.relu(x), 4, 1, 1);
    Node sum = b.add(b.add(left, right), b.add(plain, x));
    return b.build(head(b, b.relu(sum), 3));
  }

  private static Network severalDense() {
    NetworkBuilder b = Network.builder("several-dense", new FeatureMap(6, 6, 3));
    Node x = b.globalAveragePool(convBnRelu(b, b.input(), "one", 8, 3, 1));
    x = b.relu(b.dense("fc1", x, 9));
    x = b.dense("fc2", x, 7);
    return b.build(b.dense("fc3", b.relu(b.batchNorm("bn", x)), 3));
  }

  private static Network reluAtOutput() {
    NetworkBuilder b = Network.builder("relu-at-output", new FeatureMap(6, 6, 3));
    return b.build(b.relu(head(b, convBnRelu(b, b.input(), "one", 8, 3, 1), 3)));
  }

  private static Network normAtOutput() {
    NetworkBuilder b = Network.builder("norm-at-output", new FeatureMap(6, 6, 3));
    Node x = convBnRelu(b, b.input(), "one", 4, 3, 1);
    return b.build(b.batchNorm("bn", head(b, x, 3)));
  }

  /** Two dense layers. */
  public static Network perceptron() {
    NetworkBuilder b = Network.builder("perceptron", new FeatureMap(1, 1, 12));
    Node x = b.relu(b.dense("fc1", b.input(), 10));
    return b.build(b.dense("fc2", x, 3));
  }
}
