package dev.nibble.engine.model;

import static dev.nibble.engine.model.SavedModels.NETWORK;
import static dev.nibble.engine.model.SavedModels.bytes;
import static dev.nibble.engine.model.SavedModels.counter;
import static dev.nibble.engine.model.SavedModels.info;
import static dev.nibble.engine.model.SavedModels.session;
import static dev.nibble.engine.model.SavedModels.withLast;
import static dev.nibble.engine.model.SavedModels.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.exchange.DType;
import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exchange.SafetensorsWriter;
import dev.nibble.engine.exchange.TensorInfo;
import dev.nibble.engine.exchange.TensorSource;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.network.SampleNetworks;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Model files that do not fit, or are damaged: what is said, and that nothing changes. */
class RefusedModelTest {
  @TempDir private Path folder;
  private Path file = Path.of("model.safetensors");

  @BeforeEach
  void chooseFile() {
    file = folder.resolve("model.safetensors");
  }

  @Test
  void aCounterOfNoBatchNormIsSuperfluous() {
    assertRefused(
        all -> withLast(all, all.getLast(), counter("stem.num_batches_tracked")),
        "stem.num_batches_tracked");
  }

  @Test
  void whatFitsIsReadAndTheRestIsReported() {
    try (TestSession one = session(NETWORK, 1);
        TestSession two = session(NETWORK, 2)) {
      TensorSource wrong = TensorSource.floats("head.fc.bias", new float[5], 5);
      TensorSource extra = TensorSource.floats("other", new float[2], 2);
      TensorSource whole =
          TensorSource.of(
              TensorInfo.of("head.fc.weight", DType.I32, 4, 64),
              MemorySegment.ofArray(new byte[4 * 4 * 64]));
      write(
          file,
          one,
          all -> {
            List<TensorSource> changed = new ArrayList<>(all);
            changed.removeIf(
                t -> List.of("stem.weight", "head.fc.weight").contains(t.info().name()));
            return withLast(changed, wrong, whole, extra);
          });
      Map<String, double[]> before = two.parameters();
      LoadReport report =
          ModelFile.loadMatching(file, two.session().network(), two.session()::values);
      assertThat(report.missing()).containsExactly("stem.weight");
      assertThat(report.mismatched()).containsExactly("head.fc.weight", "head.fc.bias");
      assertThat(report.unexpected()).containsExactly("other");
      assertThat(report.isComplete()).isFalse();
      assertThat(report.loaded()).hasSize(NETWORK.parameters().size() - 3);
      Map<String, double[]> from = one.parameters();
      two.parameters()
          .forEach(
              (name, values) ->
                  assertThat(values)
                      .as(name)
                      .isEqualTo((report.loaded().contains(name) ? from : before).get(name)));
    }
  }

  private void assertRefused(UnaryOperator<List<TensorSource>> change, String tensor) {
    try (TestSession one = session(NETWORK, 1);
        TestSession two = session(NETWORK, 2)) {
      write(file, one, change);
      byte[][] before = bytes(two);
      assertThatThrownBy(() -> ModelFile.load(file, two.session().network(), two.session()::values))
          .isInstanceOf(ExchangeException.class)
          .hasMessageContaining(tensor);
      assertThat(bytes(two)).isDeepEqualTo(before);
    }
  }

  @Test
  void aMissingTensorLeavesTheSessionAsItWas() {
    assertRefused(all -> withLast(all), "head.fc.bias");
  }

  @Test
  void aSuperfluousTensorLeavesTheSessionAsItWas() {
    TensorSource extra = TensorSource.floats("head.fc.extra", new float[2], 2);
    assertRefused(all -> withLast(all, all.getLast(), extra), "head.fc.extra");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 5})
  void aTensorOfAnotherShapeLeavesTheSessionAsItWas(int size) {
    TensorSource wrong = TensorSource.floats("head.fc.bias", new float[size], size);
    assertRefused(all -> withLast(all, wrong), "head.fc.bias");
  }

  @Test
  void anotherNetworksModelIsRefused() {
    try (TestSession other = session(SampleNetworks.preActivation(), 1);
        TestSession test = session(NETWORK, 2)) {
      ModelFile.save(file, other.session().network(), other.session()::values, info());
      byte[][] before = bytes(test);
      assertThatThrownBy(
              () -> ModelFile.load(file, test.session().network(), test.session()::values))
          .isInstanceOf(ExchangeException.class)
          .hasMessageContaining("resnet8");
      assertThat(bytes(test)).isDeepEqualTo(before);
    }
  }

  @Test
  void aFileThatDoesNotSayWhatItHoldsHasNoInfo() {
    try (TestSession saved = session(NETWORK, 1)) {
      write(file, saved, all -> all);
    }
    assertThatThrownBy(() -> ModelFile.info(file))
        .isInstanceOf(ExchangeException.class)
        .hasMessageContaining("nibble train");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "input=[8,8]",
        "input=[0,8,3]",
        "input=[8,8,99999999999]",
        "mean=[1,2]",
        "std=[]",
        "classes=7",
        "mean=[\"a\",1,2]",
        "input=nonsense"
      })
  void damagedMetadataIsOneSentence(String change) {
    Map<String, String> metadata = new HashMap<>();
    metadata.put("format", "nibble-1");
    metadata.put("model", "resnet8");
    metadata.put("input", "[8,8,3]");
    metadata.put("classes", "[\"a\",\"b\"]");
    metadata.put("mean", "[0,0,0]");
    metadata.put("std", "[1,1,1]");
    int equals = change.indexOf('=');
    if (equals < 0) {
      metadata.remove("classes");
    } else {
      metadata.put(change.substring(0, equals), change.substring(equals + 1));
    }
    SafetensorsWriter.write(file, metadata, List.of(TensorSource.floats("a", new float[1], 1)));
    assertThatThrownBy(() -> ModelFile.info(file))
        .isInstanceOf(ExchangeException.class)
        .hasMessageContaining("does not describe a model");
  }
}
