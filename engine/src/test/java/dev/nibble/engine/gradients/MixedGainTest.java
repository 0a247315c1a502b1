package dev.nibble.engine.gradients;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.network.NetworkBuilder.Node;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.plan.Buffer;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Mixed formats err no more than one format of the same bytes, and mostly less. */
class MixedGainTest {
  private static final int BATCH = 24;

  /**
   * What is measured on 16 pictures is not quite what comes out on 48 others. Of 23 ratios at two
   * seeds that were not looked at before, one was 1.07, the next 1.005; their means were 0.88 and
   * 0.95.
   */
  private static final double MARGIN = 1.15;

  private static final double MEAN = 0.98;

  private final long seed = new SplittableRandom().nextLong(1 << 20);
  private final FeatureMap input = new FeatureMap(32, 32, 3);
  private final Dataset pictures = ShapesDataset.train(seed, 240);
  private final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
  @TempDir private Path folder;

  @AfterEach
  void everythingIsGivenBack() {
    pictures.close();
    assertThat(account.used()).isZero();
    account.close();
  }

  /** So many convolutions of 8 channels, the resolution halved so often. */
  private Network plain(int convolutions, int halvings) {
    NetworkBuilder b = Network.builder("plain" + convolutions, input);
    Node x = b.convolution("conv0", b.input(), 8, 3, 1);
    for (int i = 1; i < convolutions; i++) {
      x = b.relu(b.batchNorm("norm" + i, x));
      boolean halves = i * (halvings + 1) / convolutions > (i - 1) * (halvings + 1) / convolutions;
      x = b.convolution("conv" + i, x, 8, 3, halves ? 2 : 1);
    }
    return b.build(b.dense("fc", b.globalAveragePool(b.relu(b.batchNorm("head", x))), 10));
  }

  private GradientReport report(Network network, Path model, GradientOptions options) {
    return model.toFile().exists()
        ? GradientReport.ofModel(model, pictures, options, TestKernels.chosen(), account)
        : GradientReport.ofInitial(network, pictures, options, TestKernels.chosen(), account);
  }

  private static double error(GradientReport report) {
    return Objects.requireNonNull(report.total().errors().get(GradientKind.WEIGHT)).relative();
  }

  /** The error of a mixture by that of the format that has its bytes. */
  private double ratio(Network network, Path model, StoreFormat format) {
    GradientOptions one =
        GradientOptions.of(format).withNaive(false).withBatches(2, BATCH).withSeed(seed);
    GradientReport mixed = report(network, model, one.withAverageBits(format.bits()));
    PlanOptions planned = PlanOptions.training(BATCH, format, false);
    assertThat(
            ExecutionPlan.of(network, planned.withFormats(mixed.formats()))
                .bytes(Buffer.Kind.STORE))
        .isLessThanOrEqualTo(ExecutionPlan.of(network, planned).bytes(Buffer.Kind.STORE));
    return error(mixed) / error(report(network, model, one));
  }

  private Path trained(Network network) {
    Path model = folder.resolve(network.name() + ".safetensors");
    TrainingOptions options =
        TrainingOptions.builder().store(StoreFormat.FP32).batch(BATCH).steps(30).seed(seed).build();
    try (DataSplits data =
            new DataSplits(ShapesDataset.train(seed, 240), ShapesDataset.test(seed, 10), "shapes");
        Trainer trainer = Trainer.open(network, data, options, TestKernels.chosen(), account)) {
      trainer.run(new TrainingListener() {});
      trainer.saveModel(model);
    }
    return model;
  }

  @Test
  void theSameBytesErrNoMoreAndMostlyLess() {
    List<Network> networks = List.of(ResNet.of("resnet8", input, 10), plain(8, 3), plain(6, 2));
    double logarithms = 0;
    int count = 0;
    for (Network network : networks) {
      for (boolean fresh : new boolean[] {true, false}) {
        Path model = fresh ? folder.resolve("none") : trained(network);
        for (StoreFormat format : List.of(StoreFormat.INT3, StoreFormat.INT2)) {
          double ratio = ratio(network, model, format);
          String what = "%s, fresh %s, %s, seed %d".formatted(network.name(), fresh, format, seed);
          assertThat(ratio).as(what).isLessThan(MARGIN);
          logarithms += Math.log(ratio);
          count++;
        }
      }
    }
    assertThat(Math.exp(logarithms / count)).as("mean, seed %d", seed).isLessThan(MEAN);
  }
}
