package dev.nibble.bench.peers;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;

/** A DJL trainer over its PyTorch engine, on random pictures. */
final class DjlSession implements AutoCloseable {
  private static final int CLASSES = 10;

  private final Model model;
  private final Trainer trainer;
  private final NDManager manager;
  private final NDArray pictures;
  private final NDArray labels;

  /**
   * Opens the engine and the network.
   *
   * @param depth 6n+2
   * @param batch pictures a step
   * @param threads threads of the engine; taken once a process
   */
  DjlSession(int depth, int batch, int threads) {
    // Both are read when the engine starts: nothing is fetched, nothing is written to the home.
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("DJL_CACHE_DIR", cache().toString());
    System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
    model = Model.newInstance("resnet" + depth, Device.cpu(), "PyTorch");
    model.setBlock(DjlResNet.of(depth, CLASSES));
    trainer =
        model.newTrainer(
            new DefaultTrainingConfig(Loss.softmaxCrossEntropyLoss())
                .optOptimizer(
                    Optimizer.sgd()
                        .setLearningRateTracker(Tracker.fixed(0.01f))
                        .optMomentum(0.9f)
                        .optWeightDecays(2e-4f)
                        .build())
                .optDevices(new Device[] {Device.cpu()}));
    Shape shape = new Shape(batch, 3, 32, 32);
    trainer.initialize(shape);
    manager = trainer.getManager().newSubManager();
    pictures = manager.randomNormal(shape);
    labels = manager.randomInteger(0, CLASSES, new Shape(batch), DataType.INT64);
  }

  /** A folder beside the jar or the classes, which is Maven's target. */
  private static Path cache() {
    URI code;
    try {
      code = DjlSession.class.getProtectionDomain().getCodeSource().getLocation().toURI();
    } catch (URISyntaxException e) {
      throw new IllegalStateException("The benchmarks' jar has a place that is no URI", e);
    }
    return Path.of(code).resolveSibling("djl");
  }

  /** One training step; returns the mean loss. */
  float step() {
    try (NDManager scope = manager.newSubManager();
        GradientCollector gradients = trainer.newGradientCollector()) {
      // Results belong to the manager of the input, so a copy frees them all with its scope.
      NDArray x = pictures.duplicate();
      x.attach(scope);
      NDList logits = trainer.forward(new NDList(x));
      NDArray loss = trainer.getLoss().evaluate(new NDList(labels), logits);
      loss.attach(scope);
      gradients.backward(loss);
      trainer.step();
      return loss.getFloat();
    }
  }

  /** One forward pass with running statistics; returns the first logit. */
  float predict() {
    try (NDManager scope = manager.newSubManager()) {
      NDArray x = pictures.duplicate();
      x.attach(scope);
      return trainer.evaluate(new NDList(x)).head().getFloat(0, 0);
    }
  }

  @Override
  public void close() {
    manager.close();
    trainer.close();
    model.close();
  }
}
