package dev.nibble.engine.model;

import static dev.nibble.engine.model.SavedModels.NETWORK;
import static dev.nibble.engine.model.SavedModels.bytes;
import static dev.nibble.engine.model.SavedModels.counter;
import static dev.nibble.engine.model.SavedModels.info;
import static dev.nibble.engine.model.SavedModels.session;
import static dev.nibble.engine.model.SavedModels.write;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nibble.engine.exchange.DType;
import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.exchange.SafetensorsWriter;
import dev.nibble.engine.exchange.TensorInfo;
import dev.nibble.engine.exchange.TensorSource;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.network.ResNet;
import dev.nibble.kernels.FeatureMap;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Models that others wrote, PyTorch above all: names, axes, halves, step counters. */
class StateDictTest {
  @TempDir private Path folder;
  private Path file = Path.of("model.safetensors");

  @BeforeEach
  void chooseFile() {
    file = folder.resolve("model.safetensors");
  }

  /** As PyTorch saves it: step counters among the tensors, its own word in the metadata. */
  @Test
  void aStateDictOfPyTorchLoads() {
    try (TestSession one = session(NETWORK, 1);
        TestSession two = session(NETWORK, 2)) {
      write(
          file,
          one,
          all -> {
            List<TensorSource> changed = new ArrayList<>(all);
            changed.add(counter("head.bn.num_batches_tracked"));
            return changed;
          });
      ModelFile.load(file, two.session().network(), two.session()::values);
      assertThat(bytes(two)).isDeepEqualTo(bytes(one));
      WarmStart start =
          WarmStart.load(
              file,
              NETWORK,
              List.of("a", "b", "c", "d"),
              parameter -> two.session().values(parameter));
      assertThat(start.headReplaced()).isFalse();
      assertThat(bytes(two)).isDeepEqualTo(bytes(one));
      assertThat(
              ModelFile.loadMatching(file, two.session().network(), two.session()::values)
                  .isComplete())
          .isTrue();
    }
  }

  /** torchvision's names, halves, step counters, other classes. */
  @Test
  void aStateDictOfTorchvisionLoadsButForItsHead() {
    FeatureMap map = new FeatureMap(32, 32, 3);
    Network six = NamedNetworks.of("regnet_y_400mf", map, 6);
    Network own = NamedNetworks.of("regnet_y_400mf", map, 2);
    try (TestSession source = session(six, 1);
        TestSession target = session(own, 2)) {
      Map<String, double[]> from = source.parameters();
      List<TensorSource> tensors = new ArrayList<>();
      for (Parameter parameter : six.parameters()) {
        double[] values = Objects.requireNonNull(from.get(parameter.name()));
        ByteBuffer halves = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (double value : values) {
          halves.putShort(Float.floatToFloat16((float) value));
        }
        long[] shape = Arrays.stream(parameter.shape()).asLongStream().toArray();
        TensorInfo info = TensorInfo.of(parameter.name(), DType.F16, shape);
        tensors.add(TensorSource.of(info, MemorySegment.ofArray(halves.array())));
      }
      tensors.add(counter("trunk_output.block4.block4-0.proj.1.num_batches_tracked"));
      SafetensorsWriter.write(file, Map.of("format", "pt"), tensors);
      Map<String, double[]> before = target.parameters();
      WarmStart start =
          WarmStart.load(file, own, List.of("cat", "dog"), p -> target.session().values(p));
      assertThat(start.replaced()).containsExactly("fc.weight", "fc.bias");
      target
          .parameters()
          .forEach(
              (name, values) -> {
                double[] expected =
                    start.kept().contains(name)
                        ? Arrays.stream(Objects.requireNonNull(from.get(name)))
                            .map(v -> Float.float16ToFloat(Float.floatToFloat16((float) v)))
                            .toArray()
                        : before.get(name);
                // AssertJ boxes each of four million values to compare them.
                assertThat(Arrays.equals(values, expected)).as(name).isTrue();
              });
    }
  }

  @Test
  void weightsLieInPyTorchsOrderOfAxes() {
    Parameter weight = NETWORK.parameter("stages.1.blocks.0.units.0.conv.weight");
    try (TestSession saved = session(NETWORK, 1)) {
      ModelFile.save(file, saved.session().network(), saved.session()::values, info());
      try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
        assertThat(tensors.info(weight.name()).shape()).containsExactly(32L, 16L, 3L, 3L);
        float[] values = tensors.readFloats(weight.name());
        // Output channel 5, input channel 7, row 2, column 1; in memory rows, columns, in, out.
        float inFile = values[((5 * 16 + 7) * 3 + 2) * 3 + 1];
        long index = ((2 * 3 + 1) * 16 + 7) * 32 + 5;
        float inMemory = saved.session().values(weight).get(JAVA_FLOAT, 4 * index);
        assertThat(inFile).isEqualTo(inMemory).isNotZero();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"resnet8", "resnet11"})
  void anotherImplementationsFileLoads(String model) {
    Path golden =
        Path.of(System.getProperty("nibble.shared", "../../shared"), "golden")
            .resolve(model + "-initial.safetensors");
    assumeTrue(Files.exists(golden), "no golden file " + golden);
    Network network = ResNet.of(model, new FeatureMap(32, 32, 3), 10);
    try (TestSession test = session(network, 1);
        SafetensorsFile tensors = SafetensorsFile.open(golden)) {
      ModelFile.load(golden, test.session().network(), test.session()::values);
      Map<String, double[]> loaded = test.parameters();
      for (String name : tensors.names()) {
        float[] expected = tensors.readFloats(name);
        double[] actual = Objects.requireNonNull(loaded.get(name));
        for (int i = 0; i < expected.length; i++) {
          assertThat((float) actual[i]).isEqualTo(expected[i]);
        }
      }
    }
  }
}
