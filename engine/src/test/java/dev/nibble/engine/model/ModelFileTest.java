package dev.nibble.engine.model;

import static dev.nibble.engine.model.SavedModels.NETWORK;
import static dev.nibble.engine.model.SavedModels.bytes;
import static dev.nibble.engine.model.SavedModels.info;
import static dev.nibble.engine.model.SavedModels.session;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.Resizing;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.kernels.FeatureMap;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Models written and read back. */
class ModelFileTest {
  @TempDir private Path folder;
  private Path file = Path.of("model.safetensors");

  @BeforeEach
  void chooseFile() {
    file = folder.resolve("model.safetensors");
  }

  @ParameterizedTest
  @MethodSource("dev.nibble.engine.network.SampleNetworks#named")
  void aModelComesBackToTheBit(Network network) {
    FeatureMap map = network.input();
    float[] ones = new float[map.channels()];
    Arrays.fill(ones, 1);
    ModelInfo info = new ModelInfo(network.name(), map, List.of("a", "b"), ones, ones, false);
    try (TestSession saved = session(network, 1);
        TestSession loaded = session(network, 2)) {
      ModelFile.save(file, saved.session().network(), saved.session()::values, info);
      assertThat(bytes(loaded)[0]).isNotEqualTo(bytes(saved)[0]);
      ModelFile.load(file, loaded.session().network(), loaded.session()::values);
      assertThat(bytes(loaded)).isDeepEqualTo(bytes(saved));
    }
  }

  @Test
  void theFileSaysWhatTheModelNeeds() {
    try (TestSession saved = session(NETWORK, 1)) {
      ModelFile.save(file, saved.session().network(), saved.session()::values, info());
    }
    ModelInfo read = ModelFile.info(file);
    assertThat(read.model()).isEqualTo("resnet8");
    assertThat(read.input()).isEqualTo(new FeatureMap(8, 8, 3));
    assertThat(read.classes()).isEqualTo(info().classes());
    assertThat(read.mean()).isEqualTo(info().mean());
    assertThat(read.std()).isEqualTo(info().std());
    assertThat(read.pictureMean()).isTrue();
    assertThat(read.network().parameters().stream().map(Parameter::name).toList())
        .isEqualTo(NETWORK.parameters().stream().map(Parameter::name).toList());
  }

  @Test
  void entriesOfYourOwnSurviveLoadingAndSavingInTheirOrder() {
    Map<String, String> own = new LinkedHashMap<>();
    own.put("z.author", "Ann \"A\" Ö");
    own.put("a.trained", "2026-11-24");
    own.put("empty", "");
    Path again = folder.resolve("again.safetensors");
    try (TestSession saved = session(NETWORK, 1);
        TestSession loaded = session(NETWORK, 2)) {
      ModelFile.save(
          file, saved.session().network(), saved.session()::values, info().withMetadata(own));
      ModelFile.load(file, loaded.session().network(), loaded.session()::values);
      ModelFile.save(
          again, loaded.session().network(), loaded.session()::values, ModelFile.info(file));
    }
    assertThat(ModelFile.info(again).metadata()).containsExactlyEntriesOf(own);
    assertThat(ModelFile.info(again).classes()).isEqualTo(info().classes());
    assertThat(again).hasSameBinaryContentAs(file);
    assertThat(info().metadata()).isEmpty();
  }

  @Test
  void whatItTellsAndHowPicturesAreResizedSurviveTogether() {
    ModelInfo info = info();
    ModelInfo told =
        new ModelInfo(
                info.model(),
                info.input(),
                info.classes(),
                info.mean(),
                info.std(),
                false,
                Task.MULTI_LABEL)
            .withResizing(Resizing.CENTER_CROP)
            .withNormalization(info.std(), info.std(), true)
            .withMetadata(Map.of("author", "someone"));
    try (TestSession saved = session(told.network(), 1)) {
      Network network = saved.session().network();
      ModelFile.save(file, network, saved.session()::values, told.withGraph(network));
    }
    ModelInfo read = ModelFile.info(file);
    assertThat(read.task()).isEqualTo(Task.MULTI_LABEL);
    assertThat(read.resizing()).isEqualTo(Resizing.CENTER_CROP);
    assertThat(read.pictureSize()).isEqualTo(new PictureSize(8, 8, Resizing.CENTER_CROP));
    assertThat(read.pictureMean()).isTrue();
    assertThat(read.metadata()).containsExactly(Map.entry("author", "someone"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "format",
        "model",
        "input",
        "classes",
        "mean",
        "std",
        "picture_mean",
        "network",
        "resizing",
        "task"
      })
  void namesThatTheModelNeedsAreTaken(String name) {
    assertThatThrownBy(() -> info().withMetadata(Map.of(name, "mine")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'" + name + "' is taken");
  }

  /** Once, resnet50 was a network for small pictures; its files must still open. */
  @Test
  void aFileOfASmallNetworkThatHadTheNameOfALargeOneOpens() {
    Network small = NamedNetworks.of("cifar-resnet50", new FeatureMap(8, 8, 3), 2);
    float[] ones = {1, 1, 1};
    ModelInfo old = new ModelInfo("resnet50", small.input(), List.of("a", "b"), ones, ones, false);
    try (TestSession saved = session(small, 1);
        TestSession loaded = session(small, 2)) {
      ModelFile.save(file, small, saved.session()::values, old);
      ModelInfo read = ModelFile.info(file);
      assertThat(read.model()).isEqualTo("cifar-resnet50");
      ModelFile.load(file, read.network(), loaded.session()::values);
      assertThat(bytes(loaded)).isDeepEqualTo(bytes(saved));
    }
    Network large = NamedNetworks.of("resnet50", new FeatureMap(32, 32, 3), 2);
    ModelInfo now = new ModelInfo("resnet50", large.input(), List.of("a", "b"), ones, ones, false);
    try (TestSession saved = session(large, 1)) {
      ModelFile.save(file, large, saved.session()::values, now);
    }
    assertThat(ModelFile.info(file).model()).isEqualTo("resnet50");
  }
}
