package dev.nibble.engine.infer;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.TestSession;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;

/** Predictors of random networks, and the account whose closing finds what they leak. */
final class PredictorFixture implements AutoCloseable {
  private final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
  private final Network network;
  private final Predictor predictor;

  PredictorFixture(Network network, PredictorOptions options) {
    this.network = network;
    try (TestSession test = new TestSession(network, PlanOptions.inference(1), 1, 7)) {
      predictor = predictor(test.session(), options, account);
    }
  }

  /** Copies a session's network. */
  static Predictor predictor(Session session, PredictorOptions options, MemoryAccount account) {
    return Predictor.of(session.network(), session::values, options, session.kernels(), account);
  }

  /** Three stages of the widest vector's channels: soon compiled, yet of every kind. */
  static Network shortNetwork() {
    NetworkBuilder b = Network.builder("short", new FeatureMap(8, 8, 3));
    NetworkBuilder.Node x = b.convolution("stem", b.input(), 16, 3, 1);
    NetworkBuilder.Node y = b.convolution("conv", b.relu(b.batchNorm("bn", x)), 16, 3, 1);
    NetworkBuilder.Node a = b.relu(b.batchNorm("head.bn", b.add(y, x)));
    return b.build(b.dense("fc", b.globalAveragePool(a), 16));
  }

  static PredictorOptions options(int threads, int atOnce) {
    return PredictorOptions.defaults().withThreads(threads).withPicturesAtOnce(atOnce);
  }

  Predictor predictor() {
    return predictor;
  }

  /** Normalised pictures, the same for the same seed. */
  float[] pictures(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] pictures = new float[count * network.input().values()];
    for (int i = 0; i < pictures.length; i++) {
      pictures[i] = (float) random.nextGaussian();
    }
    return pictures;
  }

  float[] predict(float[] pictures, int count) {
    float[] logits = new float[count * network.classes()];
    predictor.predict(pictures, count, logits);
    return logits;
  }

  /** Each picture in a call of its own. */
  float[] oneByOne(float[] pictures, int count) {
    float[] logits = new float[count * network.classes()];
    int values = network.input().values();
    for (int i = 0; i < count; i++) {
      float[] picture = Arrays.copyOfRange(pictures, i * values, (i + 1) * values);
      System.arraycopy(predict(picture, 1), 0, logits, i * network.classes(), network.classes());
    }
    return logits;
  }

  /** Logits of a session that folds nothing. */
  static float[] unfolded(TestSession test) {
    test.load();
    test.session().predict(test.count());
    MemorySegment logits = test.session().logits();
    return Arrays.copyOf(
        logits.toArray(JAVA_FLOAT), test.count() * test.session().network().classes());
  }

  @Override
  public void close() {
    predictor.close();
    account.close();
  }
}
