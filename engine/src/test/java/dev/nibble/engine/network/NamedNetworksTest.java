package dev.nibble.engine.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.kernels.FeatureMap;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What names stand for. */
class NamedNetworksTest {
  private static final FeatureMap LARGE = new FeatureMap(224, 224, 3);
  private static final FeatureMap SMALL = new FeatureMap(32, 32, 3);

  /** torchvision's state dict by the rule that made it: name to shape, step counters left out. */
  private static Map<String, List<Integer>> stateDict(
      int[] blocks, boolean bottleneck, int innerFactor) {
    Map<String, List<Integer>> dict = new LinkedHashMap<>();
    dict.put("conv1.weight", List.of(64, 3, 7, 7));
    norm(dict, "bn1", 64);
    int in = 64;
    for (int layer = 1; layer <= 4; layer++) {
      int planes = 32 << layer;
      int out = bottleneck ? 4 * planes : planes;
      int inner = planes * innerFactor;
      for (int block = 0; block < blocks[layer - 1]; block++) {
        String prefix = "layer" + layer + "." + block + ".";
        if (bottleneck) {
          dict.put(prefix + "conv1.weight", List.of(inner, in, 1, 1));
          norm(dict, prefix + "bn1", inner);
          dict.put(prefix + "conv2.weight", List.of(inner, inner, 3, 3));
          norm(dict, prefix + "bn2", inner);
          dict.put(prefix + "conv3.weight", List.of(out, inner, 1, 1));
          norm(dict, prefix + "bn3", out);
        } else {
          dict.put(prefix + "conv1.weight", List.of(out, in, 3, 3));
          norm(dict, prefix + "bn1", out);
          dict.put(prefix + "conv2.weight", List.of(out, out, 3, 3));
          norm(dict, prefix + "bn2", out);
        }
        if (block == 0 && (layer > 1 || bottleneck)) {
          dict.put(prefix + "downsample.0.weight", List.of(out, in, 1, 1));
          norm(dict, prefix + "downsample.1", out);
        }
        in = out;
      }
    }
    dict.put("fc.weight", List.of(1000, in));
    dict.put("fc.bias", List.of(1000));
    return dict;
  }

  private static void norm(Map<String, List<Integer>> dict, String name, int channels) {
    for (String part : List.of("weight", "bias", "running_mean", "running_var")) {
      dict.put(name + "." + part, List.of(channels));
    }
  }

  private static Map<String, List<Integer>> shapes(Network network) {
    Map<String, List<Integer>> shapes = new LinkedHashMap<>();
    for (Parameter parameter : network.parameters()) {
      shapes.put(parameter.name(), Arrays.stream(parameter.shape()).boxed().toList());
    }
    return shapes;
  }

  @ParameterizedTest
  @CsvSource({
    "resnet18, '2,2,2,2', false, 1, 11689512",
    "resnet34, '3,4,6,3', false, 1, 21797672",
    "resnet50, '3,4,6,3', true, 1, 25557032",
    "resnet101, '3,4,23,3', true, 1, 44549160",
    "resnet152, '3,8,36,3', true, 1, 60192808",
    "wide_resnet50_2, '3,4,6,3', true, 2, 68883240"
  })
  void parametersAreTorchvisions(
      String name, String blocks, boolean bottleneck, int innerFactor, long count) {
    Network network = NamedNetworks.of(name, LARGE, 1000);
    int[] groups = Arrays.stream(blocks.split(",")).mapToInt(Integer::parseInt).toArray();
    assertThat(shapes(network)).isEqualTo(stateDict(groups, bottleneck, innerFactor));
    assertThat(network.parameterCount()).isEqualTo(count);
    assertThat(network.name()).isEqualTo(name);
    for (Layer layer : network.layers()) {
      if (layer instanceof Layer.BatchNorm norm) {
        assertThat(norm.epsilon()).as(norm.name()).isEqualTo(1e-5f);
      }
    }
  }

  /** Multiply-adds of convolutions and the dense layer as they are published for 224x224. */
  @ParameterizedTest
  @CsvSource({"resnet18, 1814073344", "resnet50, 4089184256"})
  void theyComputeWhatTheyAreKnownFor(String name, long multiplyAdds) {
    long sum = 0;
    for (Layer layer : NamedNetworks.of(name, LARGE, 1000).layers()) {
      sum += layer instanceof Layer.Weighted w ? w.operator().multiplyAdds() : 0;
    }
    assertThat(sum).isEqualTo(multiplyAdds);
  }

  @Test
  void theStrideLiesInThe3x3Convolution() {
    Network network = NamedNetworks.of("resnet50", LARGE, 10);
    Map<String, FeatureMap> outputs = new LinkedHashMap<>();
    network.layers().forEach(layer -> outputs.put(layer.name(), layer.output()));
    assertThat(outputs)
        .containsEntry("conv1", new FeatureMap(112, 112, 64))
        .containsEntry("layer1.0.conv1", new FeatureMap(56, 56, 64))
        .containsEntry("layer2.0.conv1", new FeatureMap(56, 56, 128))
        .containsEntry("layer2.0.conv2", new FeatureMap(28, 28, 128))
        .containsEntry("layer4.2.conv3", new FeatureMap(7, 7, 2048));
  }

  /** Model files and runs of these names were made before torchvision's networks were known. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "resnet8",
        "resnet11",
        "resnet20",
        "resnet29",
        "resnet56",
        "resnet110",
        "resnet164",
        "resnet488",
        "resnet1001"
      })
  void otherDepthsAreNetworksForSmallPictures(String name) {
    Network network = ResNet.of(name, SMALL, 10);
    assertThat(network.name()).isEqualTo(name);
    assertThat(network.hasParameter("stages.0.blocks.0.units.1.conv.weight")).isTrue();
    assertThat(shapes(ResNet.of("cifar-" + name, SMALL, 10))).isEqualTo(shapes(network));
  }

  @ParameterizedTest
  @CsvSource({"cifar-resnet50, 8, 2", "cifar-resnet101, 11, 3", "cifar-resnet152, 25, 2"})
  void whatANameOfTorchvisionsMeantBeforeHasAnother(String name, int blocks, int units) {
    Network network = NamedNetworks.of(name, SMALL, 10);
    assertThat(network.name()).isEqualTo(name);
    assertThat(
            network.layers().stream()
                .filter(layer -> layer.name().matches("stages\\.1\\..*\\.conv")))
        .hasSize(blocks * units);
  }

  private static List<String> names() {
    return NamedNetworks.names();
  }

  @ParameterizedTest
  @MethodSource("names")
  void whatIsOfferedIsThere(String name) {
    FeatureMap input = NamedNetworks.usualInput(name);
    Network network = NamedNetworks.of(name, input, NamedNetworks.usualClasses(name));
    assertThat(network.input()).isEqualTo(input);
    assertThat(network.classes()).isEqualTo(NamedNetworks.usualClasses(name));
  }

  @ParameterizedTest
  @CsvSource({
    "resnet21, 32, No residual network has depth 21",
    "cifar-resnet18, 32, No residual network has depth 18",
    "rsnet20, 32, 'Unknown model ''rsnet20'': use resnet18,'",
    "cifar-wide_resnet50_2, 32, Unknown model",
    "resnet18, 2, resnet18 needs pictures of at least 3x3 pixels"
  })
  void whatIsNotThereIsRefusedWithASentence(String name, int size, String why) {
    assertThatThrownBy(() -> NamedNetworks.of(name, new FeatureMap(size, size, 3), 10))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(why);
  }

  @Test
  void thereIsAtLeastOneOutput() {
    assertThat(NamedNetworks.of("resnet18", LARGE, 1).classes()).isEqualTo(1);
    for (int none : new int[] {0, -1}) {
      assertThatThrownBy(() -> NamedNetworks.of("resnet18", LARGE, none))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("A network needs at least 1 output, not " + none);
    }
  }
}
