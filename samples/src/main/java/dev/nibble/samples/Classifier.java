package dev.nibble.samples;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.loading.BatchSlot;
import dev.nibble.engine.data.loading.DataLoader;
import dev.nibble.engine.infer.Classes;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.Slab;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;

/** A trained model in memory, ready to classify whole data sets. */
final class Classifier implements AutoCloseable {
  private final int batch;
  private final Predictor predictor;
  private final Slab slab;
  private final List<BatchSlot> slots;

  /** Hears of every picture in the order of the data set. */
  interface Visitor {
    /**
     * A picture was classified.
     *
     * @param label its class by the data set
     * @param logits one a class; the array is used again
     */
    void visit(int label, float[] logits);
  }

  @SuppressWarnings("MustBeClosedChecker") // the classifier owns the slab, and closes it
  private Classifier(Predictor predictor, int batch, MemoryAccount account) {
    this.batch = batch;
    this.predictor = predictor;
    FeatureMap map = predictor.input();
    long pictures = Slab.sizeFor((long) batch * map.values());
    long labels = Slab.sizeFor(BatchSlot.labelsBytes(batch));
    long slot = pictures + labels + Slab.sizeFor(BatchSlot.cropsBytes(batch));
    // One loads while the other is computed.
    this.slab = Slab.allocate(account, 2 * slot, "two batches of " + batch + " pictures");
    MemorySegment memory = slab.segment();
    this.slots =
        List.of(
            slot(map, memory.asSlice(0, slot), pictures, labels),
            slot(map, memory.asSlice(slot, slot), pictures, labels));
  }

  private BatchSlot slot(FeatureMap map, MemorySegment memory, long pictures, long labels) {
    return new BatchSlot(
        batch,
        map.height(),
        map.width(),
        map.channels(),
        memory.asSlice(0, pictures),
        memory.asSlice(pictures, labels),
        memory.asSlice(pictures + labels));
  }

  /**
   * Loads a model.
   *
   * @param info what the file says about itself
   * @throws dev.nibble.engine.exchange.ExchangeException if the weights do not fit the model
   */
  static Classifier open(
      Path weights,
      ModelInfo info,
      int batch,
      int threads,
      Kernels kernels,
      MemoryAccount account) {
    BadInputException.check(info::network);
    PredictorOptions options = PredictorOptions.defaults().withThreads(threads);
    Predictor predictor = Predictor.open(weights, options, kernels, account);
    try {
      return new Classifier(predictor, batch, account);
    } catch (RuntimeException | Error e) {
      predictor.close();
      throw e;
    }
  }

  /**
   * Classifies one picture.
   *
   * @param picture bytes, height x width x channels
   * @param logits one a class
   */
  void run(byte[] picture, float[] logits) {
    predictor.predictBytes(picture, 1, logits);
  }

  /** Classifies all pictures and returns the sum of their losses. */
  double run(Dataset data, Visitor visitor) {
    int classes = predictor.classes();
    int most = Math.min(batch, Predictor.MOST_PICTURES);
    float[] all = new float[most * classes];
    float[] logits = new float[classes];
    double loss = 0;
    try (DataLoader loader = DataLoader.forEvaluation(data, batch, slots)) {
      for (BatchSlot slot = loader.take(); slot != null; slot = loader.take()) {
        for (int from = 0; from < slot.count(); from += most) {
          int count = Math.min(most, slot.count() - from);
          long first = (long) from * predictor.input().values();
          predictor.predictBytes(slot.pictures().asSlice(first), count, MemorySegment.ofArray(all));
          for (int i = 0; i < count; i++) {
            int label = slot.labels().getAtIndex(JAVA_INT, from + i);
            System.arraycopy(all, i * classes, logits, 0, classes);
            loss += Classes.loss(logits, 0, classes, label);
            visitor.visit(label, logits);
          }
        }
        loader.release(slot);
      }
    }
    return loss;
  }

  @Override
  public void close() {
    predictor.close();
    slab.close();
  }
}
