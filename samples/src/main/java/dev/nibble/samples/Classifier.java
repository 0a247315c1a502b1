package dev.nibble.samples;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.nibble.engine.data.BatchSlot;
import dev.nibble.engine.data.DataLoader;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.SessionOptions;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** A trained model in memory, ready to classify pictures. */
final class Classifier implements AutoCloseable {
  private final ModelInfo info;
  private final int batch;
  private final Session session;

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

  private Classifier(ModelInfo info, int batch, Session session) {
    this.info = info;
    this.batch = batch;
    this.session = session;
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
    Network network = BadInputException.check(info::network);
    PlanOptions inference = PlanOptions.inference(batch);
    PlanOptions options =
        new PlanOptions(batch, inference.store(), inference.naive(), 2); // one loads, one computes
    Session session =
        Session.open(
            ExecutionPlan.of(network, options), SessionOptions.of(threads), kernels, account);
    try {
      ModelFile.load(weights, session);
      session.setNormalization(info.mean(), info.std(), info.pictureMean());
      return new Classifier(info, batch, session);
    } catch (RuntimeException | Error e) {
      session.close();
      throw e;
    }
  }

  /** Classifies all pictures and returns the sum of their losses. */
  double run(Dataset data, Visitor visitor) {
    int classes = info.classes().size();
    float[] logits = new float[classes];
    double loss = 0;
    try (DataLoader loader = DataLoader.forEvaluation(data, batch, session.slots())) {
      for (BatchSlot slot = loader.take(); slot != null; slot = loader.take()) {
        session.load(slot);
        session.evaluate(slot.labels(), slot.count());
        loss += session.lossSum();
        MemorySegment all = session.logits();
        for (int i = 0; i < slot.count(); i++) {
          MemorySegment.copy(all, JAVA_FLOAT, 4L * i * classes, logits, 0, classes);
          visitor.visit(slot.labels().getAtIndex(JAVA_INT, i), logits);
        }
        loader.release(slot);
      }
    }
    return loss;
  }

  @Override
  public void close() {
    session.close();
  }
}
