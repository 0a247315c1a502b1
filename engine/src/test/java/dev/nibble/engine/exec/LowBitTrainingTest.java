package dev.nibble.engine.exec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.network.SampleNetworks;
import dev.nibble.kernels.StoreFormat;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every network trains with every kind of stored activation. */
@Tag("gpu")
class LowBitTrainingTest {
  private static final int BATCH = 6;
  private static final long FIRST_SEED = 4;
  private static final int SEEDS = 2;

  /** Skips all cases at once where the provider of this run is missing. */
  @BeforeAll
  static void findKernels() {
    assertThat(TestKernels.chosen().name()).isNotEmpty();
  }

  record Mode(StoreFormat store, boolean naive) {
    @Override
    public String toString() {
      return store + (naive ? " naive" : "");
    }
  }

  static Stream<Arguments> networksAndModes() {
    List<Mode> modes =
        List.of(
            new Mode(StoreFormat.FP32, false),
            new Mode(StoreFormat.INT8, false),
            new Mode(StoreFormat.INT4, false),
            new Mode(StoreFormat.INT3, false),
            new Mode(StoreFormat.INT2, false),
            new Mode(StoreFormat.TERNARY, false),
            new Mode(StoreFormat.INT1, false),
            new Mode(StoreFormat.UNIFORM4, false),
            new Mode(StoreFormat.INT4, true));
    return SampleNetworks.named().flatMap(n -> modes.stream().map(m -> Arguments.of(n, m)));
  }

  @ParameterizedTest
  @MethodSource("networksAndModes")
  void theLossOfOneBatchFalls(Network network, Mode mode) {
    try (TestSession test = TestSession.training(network, mode.store(), mode.naive(), BATCH, 4)) {
      double first = 0;
      double last = 0;
      for (int step = 0; step < 20; step++) {
        assertThat(test.step(0.02f)).as("finite loss in step %d", step).isTrue();
        first += step < 2 ? test.loss() / 2 : 0;
        last += step >= 18 ? test.loss() / 2 : 0;
      }
      assertThat(last).isLessThan(0.97 * first);
    }
  }

  /** More bits, less error; and what the method leaves exact is exact. */
  @Test
  void gradientsComeNearerWithEveryBit() {
    // Over all networks: in one as small as these, chance may put a format before its neighbour.
    double[] totals = new double[6];
    for (Network network : SampleNetworks.all()) {
      StoreFormat[] stores = {
        StoreFormat.INT8,
        StoreFormat.INT4,
        StoreFormat.INT3,
        StoreFormat.INT2,
        StoreFormat.TERNARY,
        StoreFormat.INT1
      };
      double[] errors = new double[stores.length];
      double[] exact = gradients(network, StoreFormat.FP32);
      for (int i = 0; i < stores.length; i++) {
        errors[i] = relative(gradients(network, stores[i]), exact);
      }
      assertThat(errors[0]).as("8 bits, %s", network.name()).isLessThan(0.15);
      assertThat(errors[1]).as("4 bits, %s", network.name()).isLessThan(0.5);
      assertThat(errors[3]).as("2 bits, %s", network.name()).isLessThan(1);
      for (int i = 0; i < errors.length; i++) {
        totals[i] += errors[i];
      }
    }
    assertThat(Arrays.copyOf(totals, 5)).isSorted();
    // Levels that eight pixels share follow them to where fixed ones end: on networks as small and
    // as freshly drawn as these, one bit and a quarter may do as well as three levels.
    assertThat(totals[5]).isBetween(totals[3], 1.2 * totals[4]);
  }

  /**
   * Fitted codes err less than the paper's, network by network on average; on these seeds on none
   * more by a quarter and a small margin (on others by a third at 4 bits: two batches are few).
   */
  @Test
  void fittedCodesAreNearerThanThePapers() {
    StoreFormat[] fitted = {StoreFormat.INT8, StoreFormat.INT4, StoreFormat.INT2};
    // Eight bits reach further than the paper's, which are finer where no value lies so far.
    double[] margins = {0.015, 0.005, 0.005};
    double[] errors = new double[fitted.length];
    double[] papers = new double[fitted.length];
    double[] logarithms = new double[fitted.length];
    int[] counts = new int[fitted.length];
    int[] worse = new int[fitted.length];
    for (Network network : SampleNetworks.all()) {
      double[] own = new double[fitted.length];
      double[] others = new double[fitted.length];
      // Over ten batches the most is a twentieth; on a single one chance may put either first.
      for (long seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
        double[] exact = gradients(network, StoreFormat.FP32, seed);
        for (int i = 0; i < fitted.length; i++) {
          own[i] += Math.pow(relative(gradients(network, fitted[i], seed), exact), 2) / SEEDS;
          others[i] +=
              Math.pow(relative(gradients(network, fitted[i].uniform(), seed), exact), 2) / SEEDS;
        }
      }
      for (int i = 0; i < fitted.length; i++) {
        assertThat(Math.sqrt(own[i]))
            .as("%s, %s", fitted[i], network.name())
            .isLessThanOrEqualTo(1.25 * Math.sqrt(others[i]) + margins[i]);
        if (own[i] > 0 && others[i] > 0) {
          double ratio = Math.sqrt(own[i] / others[i]);
          logarithms[i] += Math.log(ratio);
          counts[i]++;
          worse[i] += ratio > 1.05 ? 1 : 0;
        }
        errors[i] += Math.sqrt(own[i]);
        papers[i] += Math.sqrt(others[i]);
      }
    }
    assertThat(errors[0]).as("8 bits").isLessThan(0.5 * papers[0]);
    assertThat(errors[1]).as("4 bits").isLessThan(0.9 * papers[1]);
    assertThat(errors[2]).as("2 bits").isLessThan(0.8 * papers[2]);
    // Three other pairs of seeds: means 0.28 to 0.34, 0.79 to 0.82, 0.66 to 0.71; and of 28
    // networks one to four that err by more than a twentieth above the paper's.
    double[] means = {0.45, 0.9, 0.8};
    for (int i = 0; i < fitted.length; i++) {
      assertThat(Math.exp(logarithms[i] / counts[i])).as("%s", fitted[i]).isLessThan(means[i]);
      assertThat(worse[i]).as("%s", fitted[i]).isLessThan(7);
    }
  }

  /** One value a picture and channel stays exact. */
  @ParameterizedTest
  @EnumSource(names = {"INT8", "INT4", "INT3", "INT2", "TERNARY", "INT1", "UNIFORM4"})
  void denseLayersAreExact(StoreFormat store) {
    Network network = SampleNetworks.perceptron();
    assertThat(gradients(network, store)).containsExactly(gradients(network, StoreFormat.FP32));
  }

  private static double[] gradients(Network network, StoreFormat store) {
    return gradients(network, store, FIRST_SEED);
  }

  private static double[] gradients(Network network, StoreFormat store, long seed) {
    try (TestSession test = TestSession.training(network, store, false, BATCH, seed)) {
      test.session().gradient(test.labels(), BATCH);
      return network.parameters().stream()
          .filter(p -> p.kind().trainable())
          .flatMapToDouble(p -> Arrays.stream(test.gradient(p)))
          .toArray();
    }
  }

  private static double relative(double[] actual, double[] expected) {
    double difference = 0;
    double size = 0;
    for (int i = 0; i < actual.length; i++) {
      difference += Math.pow(actual[i] - expected[i], 2);
      size += expected[i] * expected[i];
    }
    return Math.sqrt(difference / size);
  }

  /** The forward pass is exact, whatever is stored; the naive one is not. */
  @ParameterizedTest
  @EnumSource(names = {"INT8", "INT4", "INT3", "INT2", "TERNARY", "INT1"})
  void theLossIsExactUnlessNaive(StoreFormat store) {
    Network network = SampleNetworks.preActivation();
    double exact = loss(network, StoreFormat.FP32, false);
    assertThat(loss(network, store, false)).isEqualTo(exact);
    assertThat(loss(network, store, true)).isNotEqualTo(exact);
  }

  private static double loss(Network network, StoreFormat store, boolean naive) {
    try (TestSession test = TestSession.training(network, store, naive, BATCH, 4)) {
      test.session().gradient(test.labels(), BATCH);
      return test.loss();
    }
  }

  /** Head: dense weights, and the shift of the last batch norm, as the head stays in fp32. */
  @ParameterizedTest
  @EnumSource(names = {"INT8", "INT4", "INT3", "INT2", "TERNARY", "INT1"})
  void theHeadsGradientsAreExact(StoreFormat store) {
    Network network = SampleNetworks.preActivation();
    try (TestSession exact = TestSession.training(network, StoreFormat.FP32, false, BATCH, 4);
        TestSession codes = TestSession.training(network, store, false, BATCH, 4)) {
      exact.session().gradient(exact.labels(), BATCH);
      codes.session().gradient(codes.labels(), BATCH);
      for (Parameter parameter : network.parameters()) {
        boolean head = parameter.name().startsWith("head") || parameter.name().startsWith("fc");
        if (head && parameter.kind().trainable()) {
          assertThat(codes.gradient(parameter))
              .as(parameter.name())
              .containsExactly(exact.gradient(parameter));
        }
      }
    }
  }
}
