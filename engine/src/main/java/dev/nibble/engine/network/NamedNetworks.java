package dev.nibble.engine.network;

import dev.nibble.kernels.FeatureMap;
import java.util.List;

/**
 * The networks that are known by a name.
 *
 * <ul>
 *   <li>{@code resnet18}, {@code resnet34}, {@code resnet50}, {@code resnet101}, {@code resnet152},
 *       {@code wide_resnet50_2}, {@code resnext50_32x4d}, {@code vgg11}, {@code vgg16}, {@code
 *       vgg11_bn}, {@code vgg16_bn}, {@code densenet121}, {@code mobilenet_v2}, {@code
 *       mobilenet_v3_small}, {@code mobilenet_v3_large}, {@code efficientnet_b0}, {@code
 *       squeezenet1_1}, {@code regnet_y_400mf}: torchvision's networks, for pictures of 224x224 and
 *       others; parameters have torchvision's names and shapes.
 *   <li>{@code cifar-resnetN} of depth 6n+2 or 9n+2: residual networks for 32x32 pictures. Where N
 *       is none of the above, {@code resnetN} means the same: {@code resnet20}, {@code resnet164}.
 * </ul>
 */
public final class NamedNetworks {
  /** In this order: the first that has a name answers. */
  private static final List<NetworkFamily> FAMILIES =
      List.of(
          new ResNetFamily(),
          VggFamily.family(),
          DenseNetFamily.family(),
          MobileNetFamily.family(),
          EfficientNetFamily.family(),
          SqueezeNetFamily.family(),
          RegNetFamily.family(),
          new CifarResNetFamily());

  private static final int IMAGE_NET_CLASSES = 1000;

  private NamedNetworks() {}

  /**
   * The network of that name.
   *
   * @param name in lower case
   * @param input shape of a picture
   * @param classes how many outputs: classes, labels or numbers
   * @throws IllegalArgumentException if there is no such network, or none for such pictures, or
   *     there is no output
   */
  public static Network of(String name, FeatureMap input, int classes) {
    NetworkFamily family = family(name);
    Network.requireOutputs(classes);
    return family.build(name, input, classes);
  }

  /** Names to offer a person; families of any depth appear with their usual ones. */
  public static List<String> names() {
    return FAMILIES.stream().flatMap(family -> family.names().stream()).toList();
  }

  /**
   * Shape of the pictures that a network is known for, such as 224x224x3.
   *
   * @throws IllegalArgumentException if there is no such network
   */
  public static FeatureMap usualInput(String name) {
    return family(name).usualInput(name);
  }

  /**
   * Number of classes that a network is known for, such as 1,000.
   *
   * @throws IllegalArgumentException if there is no such network
   */
  public static int usualClasses(String name) {
    return family(name).usualClasses(name);
  }

  /** Whether a name is that of a network that is usually trained on ImageNet's pictures. */
  public static boolean isOfImageNet(String name) {
    return FAMILIES.stream()
        .filter(family -> family.has(name))
        .findFirst()
        .filter(family -> family.usualClasses(name) == IMAGE_NET_CLASSES)
        .isPresent();
  }

  private static NetworkFamily family(String name) {
    for (NetworkFamily family : FAMILIES) {
      if (family.has(name)) {
        return family;
      }
    }
    throw new IllegalArgumentException(
        "Unknown model '%s': use %s".formatted(name, String.join(", ", names())));
  }
}
