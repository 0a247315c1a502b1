package dev.nibble.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.nibble.engine.data.loading.BatchSlot;
import dev.nibble.engine.exec.Initializer;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.exec.SessionOptions;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/** A session on random pictures, for timing steps: the arithmetic does not depend on the data. */
final class StepSession implements AutoCloseable {
  private final MemoryAccount account;
  private final Session session;
  private final int batch;
  private final float[] pictures;

  StepSession(String model, int batch, StoreFormat store, int threads, Kernels kernels) {
    this(BenchNetworks.of(model), batch, store, threads, kernels, MemoryAccount.UNLIMITED);
  }

  StepSession(
      Network network,
      int batch,
      StoreFormat store,
      int threads,
      Kernels kernels,
      long memoryLimit) {
    this.account = MemoryAccount.root("bench", memoryLimit);
    this.batch = batch;
    PlanOptions options =
        store == StoreFormat.NONE
            ? PlanOptions.inference(batch)
            : PlanOptions.training(batch, store, false);
    session =
        Session.open(
            ExecutionPlan.of(network, options), SessionOptions.of(threads), kernels, account);
    Initializer.initialize(session, 1);
    SplittableRandom random = new SplittableRandom(2);
    this.pictures = new float[batch * network.input().values()];
    for (int i = 0; i < pictures.length; i++) {
      pictures[i] = (float) (random.nextDouble() * 2 - 1);
    }
    load();
    BatchSlot slot = session.slots().getFirst();
    for (int i = 0; i < batch; i++) {
      slot.labels().set(JAVA_INT, 4L * i, random.nextInt(network.classes()));
    }
  }

  private void load() {
    MemorySegment.copy(pictures, 0, session.input(), JAVA_FLOAT, 0, pictures.length);
  }

  Session session() {
    return session;
  }

  /** One training step; returns the mean loss. */
  double step() {
    session.train(session.slots().getFirst().labels(), batch, 0.01f);
    return session.lossSum() / batch;
  }

  /** One forward pass with running statistics; returns the first logit. */
  float predict() {
    // Nothing keeps the pictures beyond the first stage: its memory serves later ones.
    load();
    session.predict(batch);
    return session.logits().get(JAVA_FLOAT, 0);
  }

  @Override
  public void close() {
    session.close();
    account.close();
  }
}
