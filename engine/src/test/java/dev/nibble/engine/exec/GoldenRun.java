package dev.nibble.engine.exec;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.plan.ExecutionPlan;
import dev.nibble.engine.plan.PlanOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** Ten steps from a golden file's initial parameters on its batches. */
final class GoldenRun implements AutoCloseable {
  static final int BATCH = 16;
  static final int STEPS = 10;

  private final MemoryAccount account = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
  private final Session session;
  private final Path folder;
  private final String model;

  GoldenRun(
      Path folder, String model, StoreFormat store, boolean naive, int threads, Kernels kernels) {
    this.folder = folder;
    this.model = model;
    Network network = ResNet.of(model, new FeatureMap(32, 32, 3), 10);
    ExecutionPlan plan = ExecutionPlan.of(network, PlanOptions.training(BATCH, store, naive));
    session = Session.open(plan, SessionOptions.of(threads), kernels, account);
    try (SafetensorsFile initial =
        SafetensorsFile.open(folder.resolve(model + "-initial.safetensors"))) {
      for (Parameter parameter : network.parameters()) {
        float[] values = initial.readFloats(parameter.name());
        MemorySegment target = session.values(parameter);
        for (int i = 0; i < values.length; i++) {
          target.set(JAVA_FLOAT, 4L * parameter.memoryIndex(i), values[i]);
        }
      }
    }
  }

  Session session() {
    return session;
  }

  /** Runs all steps; returns the losses. */
  float[] train() {
    return train(0);
  }

  /**
   * The same on pictures whose values are multiplied by {@code 1 + relative} and, in turn, {@code 1
   * - relative}: batch norm would take no notice of a common factor.
   */
  float[] train(double relative) {
    float[] losses = new float[STEPS];
    try (SafetensorsFile batches =
            SafetensorsFile.open(folder.resolve(model + "-batches.safetensors"));
        Arena arena = Arena.ofConfined()) {
      MemorySegment labels = arena.allocate(4L * BATCH, 64);
      MemorySegment longs = arena.allocate(8L * BATCH, 64);
      for (int step = 0; step < STEPS; step++) {
        loadImages(batches.readFloats("images." + step), relative);
        batches.copyTo("labels." + step, longs);
        for (int i = 0; i < BATCH; i++) {
          labels.set(JAVA_INT, 4L * i, (int) longs.get(JAVA_LONG_UNALIGNED, 8L * i));
        }
        session.train(labels, BATCH, 0.05f);
        losses[step] = (float) (session.lossSum() / BATCH);
      }
    }
    return losses;
  }

  /** The logits of the first batch with running statistics. */
  float[] evaluate() {
    try (SafetensorsFile batches =
        SafetensorsFile.open(folder.resolve(model + "-batches.safetensors"))) {
      loadImages(batches.readFloats("images.0"), 0);
    }
    session.predict(BATCH);
    return session.logits().toArray(JAVA_FLOAT);
  }

  /** A parameter in the file's order of axes. */
  float[] parameter(Parameter parameter) {
    float[] values = new float[parameter.size()];
    MemorySegment source = session.values(parameter);
    for (int i = 0; i < values.length; i++) {
      values[i] = source.get(JAVA_FLOAT, 4L * parameter.memoryIndex(i));
    }
    return values;
  }

  private void loadImages(float[] nchw, double relative) {
    MemorySegment input = session.input();
    int pixels = 32 * 32;
    for (int n = 0; n < BATCH; n++) {
      for (int c = 0; c < 3; c++) {
        for (int p = 0; p < pixels; p++) {
          double factor = p % 2 == 0 ? 1 + relative : 1 - relative;
          float value = (float) (nchw[(n * 3 + c) * pixels + p] * factor);
          input.set(JAVA_FLOAT, 4L * ((n * pixels + p) * 3 + c), value);
        }
      }
    }
  }

  @Override
  public void close() {
    session.close();
    account.close();
  }
}
