package dev.nibble.engine.gradients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.sources.InMemoryDataset;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.network.SampleNetworks;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.MemoryLimitException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a report says of gradients whose errors are known, and of those that codes leave. */
class GradientReportTest {
  private static final Network NETWORK = ResNet.of("resnet8", new FeatureMap(8, 8, 3), 4);

  private static Dataset pictures(FeatureMap map, int classes) {
    SplittableRandom random = new SplittableRandom(5);
    List<String> names = IntStream.range(0, classes).mapToObj(i -> "c" + i).toList();
    InMemoryDataset.Builder builder = InMemoryDataset.builder(map, names);
    for (int i = 0; i < 24; i++) {
      byte[] picture = new byte[map.values()];
      random.nextBytes(picture);
      builder.add(picture, random.nextInt(classes));
    }
    return builder.build();
  }

  private static GradientReport report(Network network, GradientOptions options) {
    MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
    try (Dataset pictures = pictures(network.input(), network.classes())) {
      return GradientReport.ofInitial(network, pictures, options, TestKernels.chosen(), account);
    } finally {
      assertThat(account.used()).isZero();
      account.close();
    }
  }

  private static GradientOptions options(StoreFormat store) {
    return GradientOptions.of(store).withBatches(2, 12).withThreads(1);
  }

  static List<Network> networks() {
    return SampleNetworks.all().subList(2, 7);
  }

  @ParameterizedTest
  @MethodSource("networks")
  void theExactWayHasNoErrorAnywhere(Network network) {
    GradientReport report = report(network, options(StoreFormat.FP32).withBatches(1, 6));
    assertThat(report.hasNaive()).isFalse();
    assertThat(report.layers()).isNotEmpty();
    for (LayerGradients layer : report.layers()) {
      assertThat(layer.errors()).isNotEmpty();
      assertThat(layer.noise()).isNaN();
      layer
          .errors()
          .forEach(
              (kind, error) -> {
                assertThat(error.relative()).as("%s %s", layer.name(), kind).isZero();
                assertThat(error.cosine()).isCloseTo(1, within(1e-9));
              });
    }
  }

  private static double relative(Map<GradientKind, GradientError> errors, GradientKind kind) {
    return Objects.requireNonNull(errors.get(kind)).relative();
  }

  private static double weights(GradientReport report) {
    return relative(report.total().errors(), GradientKind.WEIGHT);
  }

  @Test
  void fewerBitsErrMoreAndTheNaiveWayMost() {
    double before = 0;
    for (StoreFormat store : List.of(StoreFormat.INT8, StoreFormat.INT4, StoreFormat.INT2)) {
      GradientReport report = report(NETWORK, options(store));
      assertThat(weights(report)).as("%s", store).isGreaterThan(1.3 * before);
      assertThat(relative(report.total().naive(), GradientKind.WEIGHT))
          .isGreaterThan(1.2 * weights(report));
      before = weights(report);
    }
    assertThat(before).isBetween(0.2, 1.5);
  }

  @Test
  void everyLayerHasWhatItHasParametersFor() {
    GradientReport report = report(NETWORK, options(StoreFormat.INT4));
    assertThat(report.layers()).extracting(LayerGradients::depth).isSorted();
    LayerGradients stem = report.layers().getFirst();
    assertThat(stem.name()).isEqualTo("stem");
    assertThat(stem.errors()).containsOnlyKeys(GradientKind.WEIGHT);
    LayerGradients unit = report.layers().get(1);
    assertThat(unit.errors())
        .containsOnlyKeys(
            GradientKind.WEIGHT, GradientKind.GAMMA, GradientKind.BETA, GradientKind.INPUT);
    assertThat(report.layers().getLast().errors()).containsKey(GradientKind.BIAS);
    // Random pictures of few kinds: two batches' gradients have about nothing to do with each
    // other.
    assertThat(report.total().noise()).isBetween(0.3, 2.0);
    assertThat(report.loss()).isBetween(0.5, 5.0);
  }

  /** The last stages' gradients depend on the codes only where these are used. */
  @Test
  void whatTheMethodLeavesExactIsExact() {
    GradientReport report = report(NETWORK, options(StoreFormat.INT2));
    LayerGradients head = report.layers().getLast();
    assertThat(relative(head.errors(), GradientKind.WEIGHT)).isZero();
    assertThat(relative(head.errors(), GradientKind.BIAS)).isZero();
    assertThat(relative(head.naive(), GradientKind.BIAS)).isPositive();
  }

  @Test
  void aReportIsTheSameForAnyNumberOfThreads() {
    GradientOptions one = options(StoreFormat.INT4);
    assertThat(report(NETWORK, one.withThreads(3))).isEqualTo(report(NETWORK, one));
  }

  @Test
  void whatDoesNotFitIsRefusedAndLeavesNothing() {
    MemoryAccount account = MemoryAccount.root("test", 100_000);
    try (Dataset pictures = pictures(NETWORK.input(), 4);
        Dataset others = pictures(new FeatureMap(9, 8, 3), 4);
        Dataset classes = pictures(NETWORK.input(), 5)) {
      GradientOptions options = options(StoreFormat.INT4);
      assertThatThrownBy(
              () ->
                  GradientReport.ofInitial(
                      NETWORK, pictures, options, TestKernels.chosen(), account))
          .isInstanceOf(MemoryLimitException.class);
      for (Dataset wrong : List.of(others, classes)) {
        assertThatThrownBy(
                () ->
                    GradientReport.ofInitial(
                        NETWORK, wrong, options, TestKernels.chosen(), account))
            .isInstanceOf(DataException.class);
      }
      assertThat(account.used()).isZero();
    }
    account.close();
    assertThatThrownBy(() -> GradientOptions.of(StoreFormat.NONE))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void networksWithoutConvolutionsCountTheirDenseLayers() {
    GradientReport report =
        report(SampleNetworks.perceptron(), options(StoreFormat.INT2).withBatches(1, 6));
    assertThat(report.total().errors()).containsKey(GradientKind.WEIGHT);
  }
}
