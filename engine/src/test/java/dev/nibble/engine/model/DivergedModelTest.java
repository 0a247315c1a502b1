package dev.nibble.engine.model;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.exchange.SafetensorsWriter;
import dev.nibble.engine.exchange.TensorSource;
import dev.nibble.engine.exchange.onnx.BatchNorms;
import dev.nibble.engine.exchange.onnx.OnnxExport;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Values that are not finite, or become so, stay in no file and come out of none. */
class DivergedModelTest {
  private static final Network NETWORK = ResNet.of("resnet8", new FeatureMap(8, 8, 3), 4);

  @TempDir private Path folder;
  private Path file = Path.of("model.safetensors");

  @BeforeEach
  void chooseFile() {
    file = folder.resolve("model.safetensors");
  }

  private static TestSession session(Network network, long seed) {
    return new TestSession(network, PlanOptions.inference(2), 1, seed);
  }

  private static ModelInfo info() {
    return new ModelInfo(
        "resnet8",
        new FeatureMap(8, 8, 3),
        List.of("cat", "dog", "bird", "fish"),
        new float[] {0.1f, 0.25f, 0.5f},
        new float[] {1, 0.3f, 2},
        true);
  }

  private static byte[][] bytes(TestSession test) {
    return new byte[][] {
      test.session().weights().toArray(JAVA_BYTE),
      test.session().runningStatistics().toArray(JAVA_BYTE)
    };
  }

  @ParameterizedTest
  @CsvSource({
    "stem.weight, NaN, NaN",
    "fc.bias, -Infinity, -Infinity",
    "blocks, Infinity, Infinity",
    "running_var, -0.001, -0.001"
  })
  void aModelOfADivergedTrainingIsNeitherSavedNorLoadedNorServed(
      String place, float value, String told) {
    try (TestSession saved = session(NETWORK, 1);
        TestSession loaded = session(NETWORK, 2)) {
      Network network = saved.session().network();
      Parameter parameter =
          network.parameters().stream()
              .filter(p -> p.name().contains(place))
              .reduce((a, b) -> b)
              .orElse(network.parameters().getLast());
      ModelFile.save(file, network, saved.session()::values, info());
      byte[] before = readAll(file);
      saved.session().values(parameter).set(JAVA_FLOAT, 4L * (parameter.size() - 1), value);
      String fault = "'" + parameter.name() + "' holds " + told;
      assertThatThrownBy(() -> ModelFile.save(file, network, saved.session()::values, info()))
          .isInstanceOf(ExchangeException.class)
          .hasMessageContaining(fault);
      assertThat(readAll(file)).isEqualTo(before);

      spoil(parameter, value);
      byte[][] fresh = bytes(loaded);
      List<String> classes = info().classes();
      for (ThrowingCallable opening :
          List.<ThrowingCallable>of(
              () -> ModelFile.load(file, network, loaded.session()::values),
              () -> ModelFile.loadMatching(file, network, loaded.session()::values),
              () -> WarmStart.load(file, network, classes, loaded.session()::values))) {
        assertThatThrownBy(opening)
            .isInstanceOf(ExchangeException.class)
            .hasMessageContaining(fault)
            .hasMessageContaining(file.toString());
        assertThat(bytes(loaded)).isDeepEqualTo(fresh);
      }
      try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED)) {
        assertThatThrownBy(
                () ->
                    Predictor.open(
                            file, PredictorOptions.defaults(), saved.session().kernels(), account)
                        .close())
            .isInstanceOf(ExchangeException.class)
            .hasMessageContaining(fault);
        assertThat(account.used()).isZero();
      }
      Path onnx = folder.resolve("model.onnx");
      assertThatThrownBy(() -> OnnxExport.write(onnx, file, BatchNorms.FOLDED))
          .isInstanceOf(ExchangeException.class)
          .hasMessageContaining(fault);
      assertThat(onnx).doesNotExist();
    }
  }

  @Test
  void finiteValuesThatFoldIntoOthersAreNotServed() {
    try (TestSession saved = session(NETWORK, 1)) {
      Network network = saved.session().network();
      for (Parameter parameter : network.parameters()) {
        if (parameter.kind() == Parameter.Kind.SCALE) {
          saved.session().values(parameter).set(JAVA_FLOAT, 0, 3e38f);
        } else if (parameter.kind() == Parameter.Kind.RUNNING_VARIANCE) {
          saved.session().values(parameter).set(JAVA_FLOAT, 0, 0);
        }
      }
      ModelFile.save(file, network, saved.session()::values, info());
      try (MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED)) {
        assertThatThrownBy(
                () ->
                    Predictor.open(
                            file, PredictorOptions.defaults(), saved.session().kernels(), account)
                        .close())
            .isInstanceOf(ExchangeException.class)
            .hasMessageContaining("With batch norm folded in");
        assertThat(account.used()).isZero();
      }
      assertThatThrownBy(() -> OnnxExport.write(folder.resolve("m.onnx"), file, BatchNorms.FOLDED))
          .isInstanceOf(ExchangeException.class);
    }
  }

  private static byte[] readAll(Path path) {
    try {
      return Files.readAllBytes(path);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Writes a value to the end of a tensor, behind the back of those who would not. */
  private void spoil(Parameter parameter, float value) {
    List<TensorSource> tensors = new ArrayList<>();
    Map<String, String> metadata;
    try (SafetensorsFile read = SafetensorsFile.open(file)) {
      metadata = read.metadata();
      for (String name : read.names()) {
        float[] values = read.readFloats(name);
        if (name.equals(parameter.name())) {
          values[values.length - 1] = value;
        }
        tensors.add(TensorSource.floats(name, values, read.shape(name)));
      }
    }
    SafetensorsWriter.write(file, metadata, tensors);
  }
}
