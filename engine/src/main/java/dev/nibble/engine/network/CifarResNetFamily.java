package dev.nibble.engine.network;

import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.kernels.FeatureMap;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Pre-activation residual networks for small pictures (He et al. 2016, "Identity Mappings in Deep
 * Residual Networks"; widths and shortcuts as in Chakrabarti and Moseley 2019): a 3x3 stem of 16
 * channels, three groups of widths 16, 32, 64, and shortcuts without parameters.
 */
final class CifarResNetFamily implements NetworkFamily {
  private static final int[] WIDTHS = {16, 32, 64};
  private static final Pattern NAME = Pattern.compile("(?:cifar-)?resnet([1-9][0-9]{0,4})");

  @Override
  public boolean has(String name) {
    return NAME.matcher(name).matches();
  }

  @Override
  public List<String> names() {
    return List.of("resnet20", "resnet56", "resnet110", "resnet164", "resnet1001");
  }

  @Override
  public FeatureMap usualInput(String name) {
    return new FeatureMap(32, 32, 3);
  }

  @Override
  public int usualClasses(String name) {
    return 10;
  }

  /**
   * {@inheritDoc}
   *
   * <p>{@code resnetN} or {@code cifar-resnetN} has bottleneck blocks where N >= 164 or only 9n+2
   * fits, else basic ones.
   *
   * @throws IllegalArgumentException if the depth is none of the family
   */
  @Override
  public Network build(String name, FeatureMap input, int classes) {
    int depth = depth(name);
    boolean bottleneck = depth % 9 == 2 && (depth >= 164 || depth % 6 != 2);
    if (!bottleneck && depth % 6 != 2) {
      throw new IllegalArgumentException(
          "No residual network has depth "
              + (depth + ": use 6n+2 (8, 14, 20, 56, 110) or 9n+2 (11, 29, 164, 488, 1001)"));
    }
    int n = (depth - 2) / (bottleneck ? 9 : 6);
    NetworkBuilder b = Network.builder(name, input);
    Node x = b.convolution("stem", b.input(), WIDTHS[0], 3, 1);
    for (int group = 0; group < WIDTHS.length; group++) {
      for (int block = 0; block < n; block++) {
        String prefix = "stages." + group + ".blocks." + block + ".units.";
        int stride = group > 0 && block == 0 ? 2 : 1;
        x = block(b, x, prefix, WIDTHS[group], stride, bottleneck, group == 0 && block == 0);
      }
    }
    Node pooled = b.globalAveragePool(b.relu(b.batchNorm("head.bn", x)));
    return b.build(b.dense("head.fc", pooled, classes));
  }

  private static Node block(
      NetworkBuilder b,
      Node x,
      String prefix,
      int width,
      int stride,
      boolean bottleneck,
      boolean shortcutAfterRelu) {
    int[] kernels = bottleneck ? new int[] {1, 3, 1} : new int[] {3, 3};
    Node y = x;
    Node source = x;
    for (int unit = 0; unit < kernels.length; unit++) {
      String name = prefix + unit;
      Node a = b.relu(b.batchNorm(name + ".bn", y));
      if (unit == 0 && shortcutAfterRelu) {
        source = a;
      }
      boolean widest = bottleneck && unit == kernels.length - 1;
      int channels = widest ? 4 * width : width;
      y = b.convolution(name + ".conv", a, channels, kernels[unit], unit == 0 ? stride : 1);
    }
    return b.add(y, b.shortcut(source, stride, y.map().channels()));
  }

  private static int depth(String name) {
    Matcher matcher = NAME.matcher(name);
    if (!matcher.matches()) {
      throw new IllegalArgumentException("No residual network for small pictures: " + name);
    }
    return Integer.parseInt(matcher.group(1));
  }
}
