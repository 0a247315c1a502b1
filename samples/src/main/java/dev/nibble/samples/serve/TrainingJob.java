package dev.nibble.samples.serve;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.engine.train.TrainingOptionsBuilder;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.MemoryLimitException;
import dev.nibble.samples.serve.TrainingStatus.State;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * One training, from the current model's weights to a decision. The candidate is judged as it would
 * serve, on the same held-out pictures as the current model.
 */
final class TrainingJob {
  private static final float FIRST_RATE = 0.1f;
  private static final int WARM_UP = 8;

  private final Setup setup;
  private final TrainingBoard board;
  private final int epochs;
  private volatile boolean cancelled;
  private volatile @Nullable Trainer trainer;

  /**
   * What every training is made of.
   *
   * @param account what its memory is taken from
   * @param metrics hears of every step, too
   */
  record Setup(
      DataSplits data,
      ExampleStore store,
      ModelRegistry registry,
      Kernels kernels,
      MemoryAccount account,
      ServiceOptions.Training options,
      TrainingListener metrics) {}

  /** How it ended, and that in a sentence. */
  record Outcome(State state, String message) {}

  TrainingJob(Setup setup, TrainingBoard board, int epochs) {
    this.setup = setup;
    this.board = board;
    this.epochs = epochs;
  }

  /** Asks it to stop soon; any thread may. */
  void cancel() {
    cancelled = true;
    Trainer running = trainer;
    if (running != null) {
      running.cancel();
    }
  }

  private void checkCancelled() {
    if (cancelled) {
      throw new CancellationException();
    }
  }

  /**
   * Trains, judges, and lets the new model serve if it is good enough.
   *
   * @throws CancellationException if {@link #cancel} came in time
   * @throws IOException if the new model cannot be kept
   */
  Outcome run() throws IOException {
    ModelRegistry registry = setup.registry();
    Serving current = registry.hold();
    try {
      Long parent = current == null ? null : current.version();
      List<String> known = current == null ? List.of() : current.info().classes();
      TrainingData data = TrainingData.of(setup.data(), setup.store(), known);
      double before = Double.NaN;
      if (current != null) {
        board.say("Measuring version %s on the held-out pictures.".formatted(parent));
        before = accuracyOf(registry.model(current.version()), current.version(), data);
      }
      train(data, current);
      board.say("Measuring the new model on the held-out pictures.");
      return decide(data, parent, before);
    } finally {
      trainer = null;
      ModelFolder.delete(registry.candidate());
      if (current != null) {
        current.release();
      }
    }
  }

  /** By a predictor of its own, so that no request waits for it. */
  private double accuracyOf(Path model, long version, TrainingData data) {
    Serving measured = Serving.open(model, version, 1, setup.kernels(), setup.account());
    try {
      return measure(measured, data);
    } finally {
      measured.release();
    }
  }

  private double measure(Serving measured, TrainingData data) {
    return HeldOut.accuracy(
        measured.predictor(), data.splits().test(), setup.account(), () -> cancelled);
  }

  private void train(TrainingData data, @Nullable Serving current) {
    try (MemoryAccount account = setup.account().child("training", MemoryAccount.UNLIMITED);
        Trainer opened = open(data, current, account)) {
      trainer = opened;
      if (current != null) {
        opened.warmStart(start(current, data.classes()));
      }
      checkCancelled();
      board.plan(
          String.format(
              Locale.ROOT,
              "Training on %,d pictures, %,d examples among them.",
              data.splits().train().size(),
              data.examples()),
          opened.totalSteps(),
          setup.account().used());
      opened.run(TrainingListener.all(board, setup.metrics()));
      checkCancelled();
      opened.saveModel(setup.registry().candidate());
    }
  }

  /** The current model, with the new classes if there are any. */
  private Path start(Serving current, List<String> classes) {
    Path model = setup.registry().model(current.version());
    if (current.info().classes().equals(classes)) {
      return model;
    }
    GrownHead.write(model, classes, setup.registry().candidate());
    return setup.registry().candidate();
  }

  private Trainer open(TrainingData data, @Nullable Serving current, MemoryAccount account) {
    try {
      return Trainer.open(
          network(data, current),
          data.splits(),
          options(current, data.splits().train().size()),
          setup.kernels(),
          account);
    } catch (MemoryLimitException e) {
      // The engine says it more exactly, but knows nothing of the option.
      throw new ServiceException(
          "--memory-limit leaves too little for a training. " + e.getMessage(), e);
    }
  }

  private Network network(TrainingData data, @Nullable Serving current) {
    FeatureMap input =
        new FeatureMap(
            data.splits().train().height(),
            data.splits().train().width(),
            data.splits().train().channels());
    String model = current == null ? setup.options().model() : current.info().model();
    return ResNet.of(model, input, data.classes().size());
  }

  private TrainingOptions options(@Nullable Serving current, int pictures) {
    TrainingOptionsBuilder builder =
        TrainingOptions.builder()
            .epochs(epochs)
            .threads(setup.options().threads())
            .augmentation(setup.options().augmentation())
            .seed(setup.registry().nextNumber())
            .schedule(Schedule.COSINE, current == null ? FIRST_RATE : setup.options().rate());
    if (setup.options().batch() > 0) {
      builder.batch(Math.min(setup.options().batch(), pictures));
    }
    if (current != null) {
      ModelInfo info = current.info(); // other figures would be another first layer
      builder.normalization(info.mean(), info.std()).pictureMean(info.pictureMean());
    }
    return builder.build();
  }

  private Outcome decide(TrainingData data, @Nullable Long parent, double before)
      throws IOException {
    ModelRegistry registry = setup.registry();
    Serving candidate = registry.open(registry.candidate(), registry.nextNumber());
    boolean accepted = false;
    try {
      double after = measure(candidate, data);
      if (after < before - setup.options().margin()) {
        return new Outcome(
            State.REJECTED,
            "The new model classifies %s of the held-out pictures, version %s %s: that one stays."
                .formatted(percent(after), parent, percent(before)));
      }
      candidate.warmUp(WARM_UP);
      checkCancelled();
      accepted = registry.accept(registry.candidate(), candidate, parent, after, data.examples());
      if (!accepted) {
        return new Outcome(
            State.REJECTED,
            "Another version serves since this training began, so it was given up: train again.");
      }
      String than = parent == null ? "" : ", version %s %s".formatted(parent, percent(before));
      return new Outcome(
          State.ACCEPTED,
          "Version %s serves: it classifies %s of the held-out pictures%s."
              .formatted(candidate.version(), percent(after), than));
    } finally {
      if (!accepted) {
        candidate.release();
      }
    }
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }
}
