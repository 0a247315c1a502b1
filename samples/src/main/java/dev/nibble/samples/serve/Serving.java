package dev.nibble.samples.serve;

import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A model that answers requests. It is closed by whoever lets go of it last: a request that began
 * on it ends on it, whatever serves by then.
 */
final class Serving {
  private final Predictor predictor;
  private final ModelInfo info;
  private final long version;

  /** Holders; the registry is one as long as this is current. 0 means closed. */
  private final AtomicInteger holders = new AtomicInteger(1);

  private Serving(Predictor predictor, ModelInfo info, long version) {
    this.predictor = predictor;
    this.info = info;
    this.version = version;
  }

  /**
   * Loads a model; the caller holds it.
   *
   * @throws dev.nibble.engine.exchange.ExchangeException if the file holds no model, or one that
   *     diverged
   * @throws dev.nibble.memory.MemoryLimitException if the account has less free than is needed
   */
  static Serving open(
      Path model, long version, int threads, Kernels kernels, MemoryAccount account) {
    ModelInfo info = ModelFile.info(model);
    PredictorOptions options = PredictorOptions.defaults().withThreads(threads);
    return new Serving(Predictor.open(model, options, kernels, account), info, version);
  }

  /** Takes hold, unless it is closed already. */
  boolean tryHold() {
    int now = holders.get();
    while (now > 0) {
      if (holders.compareAndSet(now, now + 1)) {
        return true;
      }
      now = holders.get();
    }
    return false;
  }

  /** Lets go. */
  void release() {
    if (holders.decrementAndGet() == 0) {
      predictor.close();
    }
  }

  /** Classifies so many pictures, to have the code compiled before a client waits for it. */
  void warmUp(int pictures) {
    byte[] picture = new byte[info.input().values()];
    float[] logits = new float[predictor.classes()];
    for (int i = 0; i < pictures; i++) {
      predictor.predictBytes(picture, 1, logits);
    }
  }

  Predictor predictor() {
    return predictor;
  }

  ModelInfo info() {
    return info;
  }

  long version() {
    return version;
  }
}
