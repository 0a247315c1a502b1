package dev.nibble.engine.network;

import dev.nibble.kernels.FeatureMap;
import java.util.List;
import java.util.Map;

/**
 * Networks of torchvision for pictures of 224x224 and 1,000 classes, with its names of parameters,
 * so that its state dicts fit.
 */
final class TorchvisionFamily implements NetworkFamily {
  /** Builds one of them. */
  interface Design {
    Network build(NetworkBuilder builder, int classes);
  }

  private final List<String> names;
  private final Map<String, Design> designs;

  TorchvisionFamily(List<String> names, Map<String, Design> designs) {
    this.names = List.copyOf(names);
    this.designs = Map.copyOf(designs);
  }

  @Override
  public boolean has(String name) {
    return designs.containsKey(name);
  }

  @Override
  public List<String> names() {
    return names;
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
    Design design = designs.get(name);
    if (design == null) {
      throw new IllegalArgumentException("No network is named " + name);
    }
    try {
      return design.build(Network.builder(name, input).epsilon(1e-5f), classes);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "%s cannot be built for pictures of %s: %s; take larger ones"
              .formatted(name, input, e.getMessage()),
          e);
    }
  }
}
