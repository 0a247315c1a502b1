package dev.nibble.engine.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exchange.SafetensorsWriter;
import dev.nibble.engine.exchange.TensorSource;
import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.network.Parameter;
import dev.nibble.kernels.FeatureMap;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** State dicts whose names are not the network's: timm's, wrapped ones, other heads. */
class StateDictNamesTest {
  private static final FeatureMap LARGE = new FeatureMap(224, 224, 3);
  private static final FeatureMap SMALL = new FeatureMap(32, 32, 3);

  @TempDir private Path folder;

  /** Torchvision's layers by timm's names of them. */
  private static Map<String, String> timm(String network) throws IOException {
    Map<String, String> layers = new LinkedHashMap<>();
    try (InputStream in = StateDictNamesTest.class.getResourceAsStream("/timm-names.txt")) {
      String text = new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
      for (String line : text.split("\n", -1)) {
        String[] words = line.split(" ", -1);
        if (words[0].equals(network)) {
          layers.put(words[1], words[2].equals("=") ? words[1] : words[2]);
        }
      }
    }
    return layers;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "efficientnet_b0",
        "mobilenet_v2",
        "mobilenet_v3_small",
        "regnet_y_400mf",
        "vgg11_bn"
      })
  void timmsLayersAreFoundInAnyOrder(String name) throws IOException {
    Network network = NamedNetworks.of(name, LARGE, 1000);
    Map<String, String> layers = timm(name);
    List<String> names = new ArrayList<>();
    layers.forEach((own, wanted) -> names.add(own + ".weight"));
    Collections.shuffle(names, new Random(3));
    StateDictNames found = StateDictNames.of(names, network);
    layers.forEach(
        (own, wanted) -> {
          assertThat(found.wanted(own + ".weight")).isEqualTo(wanted + ".weight");
          assertThat(network.hasParameter(wanted + ".weight")).as(wanted).isTrue();
        });
  }

  private Path written(Network network, UnaryOperator<String> names, TensorSource... more) {
    List<TensorSource> tensors = new ArrayList<>(List.of(more));
    for (Parameter parameter : network.parameters()) {
      float[] values = new float[parameter.size()];
      Arrays.fill(values, 1 + parameter.name().length());
      String name = names.apply(parameter.name());
      if (!name.isEmpty()) {
        tensors.add(
            TensorSource.floats(
                name, values, Arrays.stream(parameter.shape()).asLongStream().toArray()));
      }
    }
    Path file = folder.resolve("weights.safetensors");
    SafetensorsWriter.write(file, Map.of(), tensors);
    return file;
  }

  private static WarmStart load(Path file, Network network, Map<String, MemorySegment> values) {
    List<String> classes = Collections.nCopies(network.classes(), "a");
    return WarmStart.load(
        file,
        network,
        classes,
        parameter ->
            values.computeIfAbsent(
                parameter.name(), n -> MemorySegment.ofArray(new float[parameter.size()])));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "module.", "_orig_mod.module.", "backbone."})
  void aPrefixIsTakenOff(String prefix) {
    Network network = NamedNetworks.of("resnet18", SMALL, 10);
    Path file = written(network, name -> prefix + name);
    Map<String, MemorySegment> values = new HashMap<>();
    WarmStart start = load(file, network, values);
    assertThat(start.kept()).hasSameSizeAs(network.parameters());
    assertThat(start.headReplaced()).isFalse();
    values.forEach(
        (name, value) -> assertThat(value.get(JAVA_FLOAT, 0)).isEqualTo(1 + name.length()));
    // ImageNet's, for neither file nor options say anything else.
    Normalization normalization = Objects.requireNonNull(start.normalization());
    assertThat(normalization.mean()).containsExactly(0.485f, 0.456f, 0.406f);
    assertThat(start.notes()).anyMatch(note -> note.contains("names no classes"));
  }

  @Test
  void anotherHeadIsLeftOutAndNamed() {
    Network network = NamedNetworks.of("resnet18", SMALL, 10);
    Path file =
        written(
            network,
            name -> name.startsWith("fc.") ? "" : "encoder." + name,
            TensorSource.floats("head.fc.weight", new float[7 * 512], 7, 512),
            TensorSource.floats("head.fc.bias", new float[7], 7));
    WarmStart start = load(file, network, new HashMap<>());
    assertThat(start.replaced()).containsExactly("fc.weight", "fc.bias");
    assertThat(start.notes())
        .containsExactly(
            file + " knows other classes: the head (fc) starts anew, the rest is kept.",
            "Left out of " + file + ": head.fc.weight, head.fc.bias.");
  }

  @Test
  void whatIsNoHeadIsNotLeftOut() {
    Network network = NamedNetworks.of("resnet18", SMALL, 10);
    Path file = written(NamedNetworks.of("resnet34", SMALL, 1000), name -> name);
    assertThatThrownBy(() -> load(file, network, new HashMap<>()))
        .isInstanceOf(ExchangeException.class)
        .hasMessageContaining("holds a tensor 'layer1.2.conv1.weight', which resnet18 does not");
    Path other =
        written(
            network, name -> name, TensorSource.floats("head.weight", new float[7 * 512], 7, 512));
    assertThatThrownBy(() -> load(other, network, new HashMap<>()))
        .isInstanceOf(ExchangeException.class)
        .hasMessageContaining("head.weight");
  }

  @Test
  void aDenseLayerMayBeWrittenAsAConvolution() {
    NetworkBuilder b = Network.builder("net", new FeatureMap(2, 3, 4));
    Network network = b.build(b.dense("fc", b.flatten(b.input()), 5));
    float[] weights = new float[5 * 24];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = i;
    }
    Path file = folder.resolve("dense.safetensors");
    SafetensorsWriter.write(
        file,
        Map.of(),
        List.of(
            TensorSource.floats("fc.weight", weights, 5, 4, 2, 3),
            TensorSource.floats("fc.bias", new float[5], 5)));
    Map<String, MemorySegment> values = new HashMap<>();
    load(file, network, values);
    Parameter parameter = network.parameter("fc.weight");
    float[] read = Objects.requireNonNull(values.get("fc.weight")).toArray(JAVA_FLOAT);
    assertThat(parameter.inFileOrder(read)).isEqualTo(weights);
  }
}
