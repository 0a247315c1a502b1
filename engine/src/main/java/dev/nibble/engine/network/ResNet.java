package dev.nibble.engine.network;

import dev.nibble.kernels.FeatureMap;

/** The residual networks among the {@link NamedNetworks}, for large pictures and for small ones. */
public final class ResNet {
  private ResNet() {}

  /**
   * The residual network of that name.
   *
   * @param model {@code resnet18}, {@code resnet34}, {@code resnet50}, {@code resnet101}, {@code
   *     resnet152} or {@code wide_resnet50_2}: torchvision's, for large pictures; {@code
   *     cifar-resnetN}, or {@code resnetN} where N is none of these: those for small pictures, with
   *     bottleneck blocks where N >= 164 or only 9n+2 fits, else basic ones
   * @param input shape of a picture
   * @param classes number of classes
   * @throws IllegalArgumentException if the name or depth is none of these, or there are fewer than
   *     two classes
   */
  public static Network of(String model, FeatureMap input, int classes) {
    return NamedNetworks.of(model, input, classes);
  }
}
