package dev.nibble.engine.model;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.data.Resizing;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.exchange.DType;
import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.exchange.SafetensorsWriter;
import dev.nibble.engine.exchange.TensorInfo;
import dev.nibble.engine.exchange.TensorSource;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.network.SampleNetworks;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Models written, read back, and refused. */
class ModelFileTest {
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
        List.of("cat", "dog \"Rex\"", "Vögel", "d,e"),
        new float[] {0.1f, 0.25f, 1e-9f},
        new float[] {1, 0.3f, 3e9f},
        true);
  }

  private static byte[][] bytes(TestSession test) {
    return new byte[][] {
      test.session().weights().toArray(JAVA_BYTE),
      test.session().runningStatistics().toArray(JAVA_BYTE)
    };
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

  /** As PyTorch saves it: step counters among the tensors, its own word in the metadata. */
  @Test
  void aStateDictOfPyTorchLoads() {
    try (TestSession one = session(NETWORK, 1);
        TestSession two = session(NETWORK, 2)) {
      write(
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
    Network thousand = NamedNetworks.of("resnet18", map, 6);
    Network own = NamedNetworks.of("resnet18", map, 2);
    try (TestSession source = session(thousand, 1);
        TestSession target = session(own, 2)) {
      List<TensorSource> tensors = new ArrayList<>();
      for (Parameter parameter : thousand.parameters()) {
        double[] values = Objects.requireNonNull(source.parameters().get(parameter.name()));
        ByteBuffer halves = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (double value : values) {
          halves.putShort(Float.floatToFloat16((float) value));
        }
        long[] shape = Arrays.stream(parameter.shape()).asLongStream().toArray();
        TensorInfo info = TensorInfo.of(parameter.name(), DType.F16, shape);
        tensors.add(TensorSource.of(info, MemorySegment.ofArray(halves.array())));
      }
      tensors.add(counter("layer4.0.downsample.1.num_batches_tracked"));
      SafetensorsWriter.write(file, Map.of("format", "pt"), tensors);
      Map<String, double[]> before = target.parameters();
      WarmStart start =
          WarmStart.load(file, own, List.of("cat", "dog"), p -> target.session().values(p));
      assertThat(start.replaced()).containsExactly("fc.weight", "fc.bias");
      Map<String, double[]> from = source.parameters();
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
                // AssertJ boxes each of eleven million values to compare them.
                assertThat(Arrays.equals(values, expected)).as(name).isTrue();
              });
    }
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

  private static TensorSource counter(String name) {
    MemorySegment steps = MemorySegment.ofArray(new byte[8]);
    return TensorSource.of(TensorInfo.of(name, DType.I64), steps);
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

  /** Writes the model with its tensors changed. */
  private void write(TestSession from, UnaryOperator<List<TensorSource>> change) {
    List<TensorSource> tensors = new ArrayList<>();
    Map<String, double[]> values = from.parameters();
    for (Parameter parameter : NETWORK.parameters()) {
      double[] wide = Objects.requireNonNull(values.get(parameter.name()));
      float[] floats = new float[parameter.size()];
      for (int i = 0; i < floats.length; i++) {
        floats[i] = (float) wide[i];
      }
      long[] shape = Arrays.stream(parameter.shape()).asLongStream().toArray();
      tensors.add(TensorSource.floats(parameter.name(), floats, shape));
    }
    SafetensorsWriter.write(file, Map.of(), change.apply(tensors));
  }

  private static List<TensorSource> withLast(List<TensorSource> tensors, TensorSource... last) {
    List<TensorSource> changed = new ArrayList<>(tensors.subList(0, tensors.size() - 1));
    changed.addAll(List.of(last));
    return changed;
  }

  private void assertRefused(UnaryOperator<List<TensorSource>> change, String tensor) {
    try (TestSession one = session(NETWORK, 1);
        TestSession two = session(NETWORK, 2)) {
      write(one, change);
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
      write(saved, all -> all);
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
