package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.exec.TestKernels;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/**
 * A service's JVM: two trainings and four predictors at once make the bytes that each makes alone.
 */
class ConcurrentUseTest {
  private static final FeatureMap PICTURES = new FeatureMap(32, 32, 3);
  private static final int PREDICTORS = 4;
  private static final int ROUNDS = 6;

  private final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);

  private byte[] train(DataSplits data, long seed) {
    Network network = ResNet.of("resnet8", PICTURES, 10);
    TrainingOptions options =
        TrainingOptions.builder().batch(20).steps(6).seed(seed).threads(2).build();
    try (Trainer trainer = Trainer.open(network, data, options, TestKernels.chosen(), account)) {
      trainer.run(new TrainingListener() {});
      return trainer.session().weights().toArray(JAVA_BYTE);
    }
  }

  private Predictor predictor(DataSplits data, int threads) {
    Network network = ResNet.of("resnet8", PICTURES, 10);
    TrainingOptions options = TrainingOptions.builder().batch(10).steps(1).seed(9).build();
    try (Trainer trainer = Trainer.open(network, data, options, TestKernels.chosen(), account)) {
      return trainer.predictor(PredictorOptions.defaults().withThreads(threads), account);
    }
  }

  private static float[] logits(Predictor predictor, byte[] pictures, int count) {
    float[] logits = new float[count * predictor.classes()];
    predictor.predictBytes(pictures, count, logits);
    return logits;
  }

  private static byte[] pictures(Dataset data) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment segment = arena.allocate((long) data.size() * data.pictureBytes());
      for (int i = 0; i < data.size(); i++) {
        data.read(i, segment, (long) i * data.pictureBytes());
      }
      return segment.toArray(JAVA_BYTE);
    }
  }

  @Test
  void everyoneGetsTheBytesOfBeingAlone() throws Exception {
    try (DataSplits data =
            new DataSplits(ShapesDataset.train(1, 60), ShapesDataset.test(1, 20), "shapes");
        ExecutorService pool = Executors.newCachedThreadPool()) {
      byte[] pictures = pictures(data.test());
      int count = data.test().size();
      byte[] first = train(data, 1);
      byte[] second = train(data, 2);
      assertThat(second).isNotEqualTo(first);
      List<Predictor> predictors = new ArrayList<>();
      try {
        for (int i = 0; i < PREDICTORS; i++) {
          predictors.add(predictor(data, 1 + i % 2));
        }
        float[] alone = logits(predictors.getFirst(), pictures, count);
        CountDownLatch start = new CountDownLatch(1);
        List<Future<byte[]>> trainings = new ArrayList<>();
        for (long seed = 1; seed <= 2; seed++) {
          long own = seed;
          trainings.add(pool.submit(after(start, () -> train(data, own))));
        }
        List<Future<List<float[]>>> predictions = new ArrayList<>();
        for (Predictor predictor : predictors) {
          predictions.add(
              pool.submit(
                  after(
                      start,
                      () -> {
                        List<float[]> rounds = new ArrayList<>();
                        for (int i = 0; i < ROUNDS || !trainings.getFirst().isDone(); i++) {
                          rounds.add(logits(predictor, pictures, count));
                        }
                        return rounds;
                      })));
        }
        start.countDown();
        assertThat(trainings.get(0).get()).isEqualTo(first);
        assertThat(trainings.get(1).get()).isEqualTo(second);
        for (Future<List<float[]>> prediction : predictions) {
          assertThat(prediction.get()).hasSizeGreaterThanOrEqualTo(ROUNDS);
          for (float[] round : prediction.get()) {
            assertThat(round).isEqualTo(alone);
          }
        }
      } finally {
        predictors.forEach(Predictor::close);
      }
    }
    assertThat(account.used()).isZero();
    account.close();
  }

  private static <T> Callable<T> after(CountDownLatch start, Callable<T> work) {
    return () -> {
      start.await();
      return work.call();
    };
  }
}
