package dev.nibble.engine.network;

import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Window;
import java.util.List;
import java.util.Map;

/**
 * Residual networks for large pictures (He et al. 2015, "Deep Residual Learning for Image
 * Recognition", in the usual version 1.5): a 7x7 stem of stride 2, 3x3 max pooling of stride 2,
 * four groups of blocks with batch norm and ReLU behind each convolution, projections as shortcuts
 * where the shape changes, the stride in the 3x3 convolution. Parameters have torchvision's names
 * and shapes, so its state dicts fit.
 */
final class ResNetFamily implements NetworkFamily {
  private static final int STEM = 64;
  private static final float EPSILON = 1e-5f;

  /** Outputs of a bottleneck block for each that its 3x3 convolution has at the plain width. */
  private static final int EXPANSION = 4;

  /**
   * What tells these networks from each other.
   *
   * @param blocks blocks of each group
   * @param widths channels of each group: a basic block's, a quarter of a bottleneck block's
   * @param bottleneck whether a block is 1x1, 3x3, 1x1, not two of 3x3
   * @param widening by how much the 3x3 convolution of a bottleneck block is wider than that
   * @param groups of that convolution
   */
  record Design(
      List<Integer> blocks, List<Integer> widths, boolean bottleneck, int widening, int groups) {
    /** One group. */
    Design(List<Integer> blocks, List<Integer> widths, boolean bottleneck, int widening) {
      this(blocks, widths, bottleneck, widening, 1);
    }

    /** Copies the lists. */
    Design {
      blocks = List.copyOf(blocks);
      widths = List.copyOf(widths);
      if (blocks.size() != widths.size()) {
        throw new IllegalArgumentException(
            "%d groups of blocks need as many widths, not %d"
                .formatted(blocks.size(), widths.size()));
      }
    }

    private static Design usual(boolean bottleneck, int widening, Integer... blocks) {
      return new Design(List.of(blocks), List.of(64, 128, 256, 512), bottleneck, widening);
    }
  }

  private static final List<String> NAMES =
      List.of(
          "resnet18",
          "resnet34",
          "resnet50",
          "resnet101",
          "resnet152",
          "wide_resnet50_2",
          "resnext50_32x4d");

  private static final Map<String, Design> DESIGNS =
      Map.of(
          "resnet18", Design.usual(false, 1, 2, 2, 2, 2),
          "resnet34", Design.usual(false, 1, 3, 4, 6, 3),
          "resnet50", Design.usual(true, 1, 3, 4, 6, 3),
          "resnet101", Design.usual(true, 1, 3, 4, 23, 3),
          "resnet152", Design.usual(true, 1, 3, 8, 36, 3),
          "wide_resnet50_2", Design.usual(true, 2, 3, 4, 6, 3),
          "resnext50_32x4d",
              new Design(List.of(3, 4, 6, 3), List.of(64, 128, 256, 512), true, 2, 32));

  @Override
  public boolean has(String name) {
    return DESIGNS.containsKey(name);
  }

  @Override
  public List<String> names() {
    return NAMES;
  }

  @Override
  public FeatureMap usualInput(String name) {
    return new FeatureMap(224, 224, 3);
  }

  @Override
  public int usualClasses(String name) {
    return 1000;
  }

  @Override
  public Network build(String name, FeatureMap input, int classes) {
    Design design = DESIGNS.get(name);
    if (design == null) {
      throw new IllegalArgumentException("No residual network is named " + name);
    }
    return build(name, input, classes, design);
  }

  /** A network of any such design. */
  static Network build(String name, FeatureMap input, int classes, Design design) {
    NetworkBuilder b = Network.builder(name, input).epsilon(EPSILON);
    Node x = b.relu(normalized(b, "conv1", "bn1", b.input(), STEM, 7, 2));
    if (x.map().height() < 2 || x.map().width() < 2) {
      throw new IllegalArgumentException(
          "%s needs pictures of at least 3x3 pixels, not %s: take larger ones"
              .formatted(name, input));
    }
    x = b.maxPool(x, 3, 2);
    for (int group = 0; group < design.blocks().size(); group++) {
      for (int block = 0; block < design.blocks().get(group); block++) {
        String prefix = "layer" + (group + 1) + "." + block + ".";
        int stride = group > 0 && block == 0 ? 2 : 1;
        x = block(b, x, prefix, design, design.widths().get(group), stride);
      }
    }
    return b.build(b.dense("fc", b.globalAveragePool(x), classes));
  }

  private static Node block(
      NetworkBuilder b, Node x, String prefix, Design design, int width, int stride) {
    int channels = design.bottleneck() ? EXPANSION * width : width;
    Node y;
    if (design.bottleneck()) {
      int inner = width * design.widening();
      y = b.relu(normalized(b, prefix + "conv1", prefix + "bn1", x, inner, 1, 1));
      Window window = Window.square(3, stride);
      y = b.convolution(prefix + "conv2", y, inner, window, design.groups(), false);
      y = b.relu(b.batchNorm(prefix + "bn2", y));
      y = normalized(b, prefix + "conv3", prefix + "bn3", y, channels, 1, 1);
    } else {
      y = b.relu(normalized(b, prefix + "conv1", prefix + "bn1", x, width, 3, stride));
      y = normalized(b, prefix + "conv2", prefix + "bn2", y, channels, 3, 1);
    }
    boolean project = stride > 1 || x.map().channels() != channels;
    String side = prefix + "downsample.";
    Node shortcut = project ? normalized(b, side + "0", side + "1", x, channels, 1, stride) : x;
    return b.relu(b.add(y, shortcut));
  }

  /** A convolution and its batch norm. */
  private static Node normalized(
      NetworkBuilder b, String conv, String norm, Node x, int channels, int kernel, int stride) {
    return b.batchNorm(norm, b.convolution(conv, x, channels, kernel, stride));
  }
}
