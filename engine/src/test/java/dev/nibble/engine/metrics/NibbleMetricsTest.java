package dev.nibble.engine.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.engine.train.TrainingResult;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the meters say is what happened. */
class NibbleMetricsTest {
  private static final long LIMIT = 1L << 30;

  private final DataSplits data =
      new DataSplits(ShapesDataset.train(1, 48), ShapesDataset.test(1, 20), "shapes");
  private final MemoryAccount account = MemoryAccount.root("test", LIMIT);
  private final MeterRegistry registry = new SimpleMeterRegistry();
  @TempDir private Path folder;

  @AfterEach
  void everythingIsGivenBack() {
    registry.close();
    data.close();
    account.close();
  }

  private static Network network() {
    NetworkBuilder b = Network.builder("small", new FeatureMap(32, 32, 3));
    NetworkBuilder.Node x = b.convolution("one", b.input(), 16, 3, 2);
    x = b.globalAveragePool(b.relu(b.batchNorm("one.bn", x)));
    return b.build(b.dense("fc", x, 10));
  }

  private Trainer trainer() {
    TrainingOptions options =
        TrainingOptions.builder().batch(16).steps(4).seed(3).threads(1).checkpointEvery(2).build();
    return Trainer.open(network(), data, options, TestKernels.chosen(), account);
  }

  private double gauge(String name) {
    return registry.get(name).gauge().value();
  }

  private double count(String name) {
    return registry.get(name).functionCounter().count();
  }

  @Test
  void aTrainingShowsInItsMeters() {
    NibbleMetrics metrics = new NibbleMetrics(account);
    metrics.bindTo(registry);
    assertThat(gauge("nibble.training.loss")).isNaN();
    assertThat(gauge("nibble.memory.planned")).isNaN();
    List<TrainingListener.Step> steps = new ArrayList<>();
    TrainingListener memory =
        new TrainingListener() {
          @Override
          public void onStep(Step step) {
            steps.add(step);
            assertThat(gauge("nibble.memory.used")).isEqualTo((double) account.used()).isPositive();
            assertThat(count("nibble.training.steps")).isEqualTo((double) step.step());
          }
        };
    long used;
    TrainingResult result;
    try (Trainer trainer = trainer()) {
      trainer.checkpointTo(new CheckpointStore(folder));
      used = account.used();
      result = trainer.run(TrainingListener.all(metrics, memory));
    }
    assertThat(count("nibble.training.steps")).isEqualTo(4);
    assertThat(count("nibble.training.images")).isEqualTo(64);
    assertThat(count("nibble.training.epochs")).isEqualTo(2);
    assertThat(count("nibble.training.checkpoints")).isEqualTo(2);
    assertThat(count("nibble.evaluations")).isEqualTo(2);
    assertThat(gauge("nibble.training.loss")).isEqualTo(result.loss());
    assertThat(gauge("nibble.training.accuracy")).isEqualTo(steps.getLast().accuracy());
    assertThat(gauge("nibble.training.learning.rate"))
        .isCloseTo(steps.getLast().rate(), within(1e-9));
    assertThat(gauge("nibble.training.images.per.second"))
        .isEqualTo(steps.getLast().imagesPerSecond());
    assertThat(gauge("nibble.evaluation.loss")).isEqualTo(result.testLoss());
    assertThat(gauge("nibble.evaluation.accuracy")).isEqualTo(result.testAccuracy());
    assertThat(gauge("nibble.memory.planned")).isEqualTo((double) used);
    assertThat(gauge("nibble.memory.peak")).isGreaterThanOrEqualTo((double) used);
    assertThat(gauge("nibble.memory.limit")).isEqualTo(LIMIT);
    assertThat(gauge("nibble.memory.used")).isZero();
    assertThat(registry.get("nibble.memory.used").gauge().getId().getBaseUnit()).isEqualTo("bytes");
  }

  @Test
  void predictionsAreCountedAndTimedInEveryRegistry() {
    MeterRegistry second = new SimpleMeterRegistry();
    NibbleMetrics metrics = new NibbleMetrics(account, Tags.of("model", "small"));
    metrics.bindTo(registry);
    metrics.bindTo(second);
    long start = System.nanoTime();
    try (Trainer trainer = trainer();
        Predictor predictor =
            trainer.predictor(PredictorOptions.defaults().withThreads(1), account)) {
      float[] pictures = new float[3 * 32 * 32 * 3];
      float[] logits = new float[3 * 10];
      predictor.predict(pictures, 1, logits);
      predictor.addListener(metrics);
      predictor.predict(pictures, 1, logits);
      predictor.predict(pictures, 3, logits);
    }
    long elapsed = System.nanoTime() - start;
    for (MeterRegistry each : List.of(registry, second)) {
      Timer timer = each.get("nibble.predictions").tag("model", "small").timer();
      assertThat(timer.count()).isEqualTo(2);
      assertThat(timer.totalTime(TimeUnit.NANOSECONDS)).isPositive().isLessThan((double) elapsed);
      assertThat(each.get("nibble.predictions.images").functionCounter().count()).isEqualTo(4);
    }
    second.close();
  }

  @Test
  void anAccountWithoutALimitHasAnInfiniteOne() {
    try (MemoryAccount unlimited = MemoryAccount.root("unlimited", MemoryAccount.UNLIMITED)) {
      new NibbleMetrics(unlimited).bindTo(registry);
      assertThat(gauge("nibble.memory.limit")).isEqualTo(Double.POSITIVE_INFINITY);
    }
  }
}
