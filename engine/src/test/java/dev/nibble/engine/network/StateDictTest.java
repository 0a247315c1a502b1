package dev.nibble.engine.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whether torchvision's state dicts fit the networks of its names. */
class StateDictTest {
  private static Network usual(String name) {
    return NamedNetworks.of(name, NamedNetworks.usualInput(name), NamedNetworks.usualClasses(name));
  }

  /** Such as {@code fc.weight:1000,2048}. */
  private static String line(Parameter parameter) {
    return parameter.name()
        + ":"
        + Arrays.stream(parameter.shape())
            .mapToObj(Integer::toString)
            .collect(Collectors.joining(","));
  }

  /**
   * Names and shapes of the state dicts of torchvision 0.28 but for num_batches_tracked: their
   * number, and SHA-256 of the sorted lines {@code name:extents}, each with its line feed.
   */
  @ParameterizedTest
  @CsvSource({
    "wide_resnet50_2, 267, d266597091fcb502d1b4fbe5aca3110ba7ded3ede00091ac8cf2d121f37d927f",
    "resnext50_32x4d, 267, 4a4b98b3c61783b5d575876ec5c9d263f946cf5c05f8ba91093c111bd2581748",
    "vgg11, 22, 044ed67cad7bd0f6da1f2c94c6cb0892b3fcb35b89c7da7192e28e17f376051e",
    "vgg16, 32, 6089ef40934011b9c8fffbbb3bf0f5ff7a85ffda6ed4639d913f0545e12d6a2b",
    "vgg11_bn, 54, 9bce5f6b9cc4d5f1e762a1304d6d483a251c8be1a9df8225b09cc41d7e564da9",
    "vgg16_bn, 84, ff1e7c272ff9fd9318dba53b57626c33f80e6dfcc183f17c05ac55834769a10f",
    "densenet121, 606, 95e27ba049eed0f43d1b34d064534d73dbf0ac934aa9593526f1e07bba30a7ff",
    "mobilenet_v2, 262, b6a5b447169973f8fd23a35fac02cbe89e6449b968b48b1ebe96378ea999d783",
    "mobilenet_v3_small, 210, a1fa47bc0897dcac3e2f72fb9b6526d1a764f86ef2279515992dad4101d9a6ac",
    "mobilenet_v3_large, 266, 96260822cfdff2a9a7d63f8f8b403a53602b51a3108d2225c1cc80bea466c120",
    "efficientnet_b0, 311, 71a746e4b6da959ee1d223a185909e0c8012302a27bb3328f1c4d10f1e3b5449",
    "squeezenet1_1, 52, 693fc0b09b33dd8e4cadc177c6b865c7905d8857c15063f8af5f60fe2d3089b1",
    "regnet_y_400mf, 331, 375cad0df78539cd51a3fa0dd0dcbebb188cca4442b313ef412126cbdaa827c4"
  })
  void namesAndShapesAreTorchvisions(String name, int count, String digest) throws Exception {
    List<String> lines =
        usual(name).parameters().stream().map(StateDictTest::line).sorted().toList();
    assertThat(lines).hasSize(count);
    byte[] text = (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8);
    byte[] found = MessageDigest.getInstance("SHA-256").digest(text);
    assertThat(HexFormat.of().formatHex(found)).isEqualTo(digest);
  }

  /** Only the head changes with the classes. */
  @Test
  void otherClassesChangeTheHeadAlone() {
    for (String name : NamedNetworks.names()) {
      Network network = usual(name);
      Network other = network.withClasses(7);
      assertThat(other.classes()).as(name).isEqualTo(7);
      List<String> lines = network.parameters().stream().map(StateDictTest::line).toList();
      List<String> changed =
          other.parameters().stream()
              .map(StateDictTest::line)
              .filter(line -> !lines.contains(line))
              .toList();
      assertThat(changed).as(name).hasSize(2).allMatch(line -> line.contains(":7"));
    }
    assertThatThrownBy(() -> usual("resnet18").withClasses(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("at least 1 output");
  }

  /** For a number or a single label. */
  @Test
  void everyNetworkMayHaveOneOutput() {
    for (String name : NamedNetworks.names()) {
      Network one = usual(name).withClasses(1);
      assertThat(one.classes()).as(name).isEqualTo(1);
      assertThat(NamedNetworks.of(name, NamedNetworks.usualInput(name), 1).layers())
          .as(name)
          .isEqualTo(one.layers());
      assertThat(Network.ofJson(one.toJson()).layers()).as(name).isEqualTo(one.layers());
      assertThat(one.toString()).as(name).contains(", 1 output, ");
    }
  }

  /** What a model file holds of a network builds it again. */
  @Test
  void everyNetworkComesBackFromItsText() {
    for (String name : NamedNetworks.names()) {
      Network network = usual(name);
      Network back = Network.ofJson(network.toJson());
      assertThat(back.layers()).as(name).isEqualTo(network.layers());
      assertThat(back.name()).isEqualTo(name);
    }
    for (Network network : SampleNetworks.all()) {
      Network back = Network.ofJson(network.toJson());
      assertThat(back.layers()).as(network.name()).isEqualTo(network.layers());
      assertThat(back.output()).isEqualTo(network.output());
    }
  }
}
