package dev.nibble.samples.serve;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.NamedNetworks;
import dev.nibble.engine.network.Network;
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
    if (current != null && current.info().task() != Task.CLASSIFICATION) {
      String told = current.info().task().names();
      current.release();
      throw new ServiceException(
          "The model tells %s of a picture: it serves, but only models of classes are retrained here; use nibble train."
              .formatted(told));
    }
    try (ExampleStore.Hold examples = setup.store().hold()) {
      Long parent = current == null ? null : current.version();
      List<String> known = current == null ? List.of() : current.info().classes();
      TrainingData data = TrainingData.of(setup.data(), setup.store(), examples.examples(), known);
      Scores before = null;
      if (current != null) {
        board.say("Measuring version %s on the held-out pictures.".formatted(parent));
        before = scoresOf(current.version(), data);
      }
      train(data, current);
      board.say("Measuring the new model on the held-out pictures.");
      return decide(data, current, before);
    } finally {
      trainer = null;
      ModelFolder.delete(registry.candidate());
      if (current != null) {
        current.release();
      }
    }
  }

  /**
   * Measures a version on the held-out pictures as they are now, and keeps the figures with it.
   *
   * @throws CancellationException if {@link #cancel} came in time
   * @throws IOException if the disk did not take the figures
   */
  void measure(long version) throws IOException {
    Path model = setup.registry().model(version);
    try (ExampleStore.Hold examples = setup.store().hold()) {
      List<String> known = ModelFile.info(model).classes();
      TrainingData data = TrainingData.of(setup.data(), setup.store(), examples.examples(), known);
      setup.registry().measured(version, scoresOf(version, data));
    }
  }

  /** By a predictor of its own, so that no request waits for it. */
  private Scores scoresOf(long version, TrainingData data) {
    Path model = setup.registry().model(version);
    Serving measured = Serving.open(model, version, 1, setup.kernels(), setup.account());
    try {
      return measure(measured, data);
    } finally {
      measured.release();
    }
  }

  private Scores measure(Serving measured, TrainingData data) {
    return HeldOut.measure(
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
    if (current != null) {
      return current.info().network().withClasses(data.classes().size());
    }
    FeatureMap input =
        new FeatureMap(
            data.splits().train().height(),
            data.splits().train().width(),
            data.splits().train().channels());
    return NamedNetworks.of(setup.options().model(), input, data.classes().size());
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

  private Outcome decide(TrainingData data, @Nullable Serving current, @Nullable Scores before)
      throws IOException {
    ModelRegistry registry = setup.registry();
    Long parent = current == null ? null : current.version();
    Serving candidate = registry.open(registry.candidate(), registry.nextNumber());
    boolean accepted = false;
    try {
      Scores after = measure(candidate, data);
      String refusal = Acceptance.refusal(after, before, parent, setup.options().margin());
      if (refusal != null) {
        return new Outcome(State.REJECTED, refusal);
      }
      candidate.warmUp(WARM_UP);
      checkCancelled();
      accepted = registry.accept(registry.candidate(), candidate, parent, after, data.examples());
      if (!accepted) {
        return new Outcome(
            State.REJECTED,
            "Another version serves since this training began, so it was given up: train again.");
      }
      return new Outcome(
          State.ACCEPTED,
          "Version %s serves: it classifies %s of the held-out pictures%s.%s"
              .formatted(
                  candidate.version(),
                  Acceptance.percent(after.accuracy()),
                  before == null
                      ? ""
                      : ", version %s %s".formatted(parent, Acceptance.percent(before.accuracy())),
                  Acceptance.remarks(
                      after, current == null ? null : current.info().classes(), data.waiting())));
    } finally {
      if (!accepted) {
        candidate.release();
      }
    }
  }
}
