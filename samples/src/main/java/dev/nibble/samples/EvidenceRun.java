package dev.nibble.samples;

import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.json.JsonException;
import dev.nibble.engine.json.JsonParser;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonWriter;
import dev.nibble.engine.train.DivergedException;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingPlan;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

/**
 * A training of the grid in a folder of its own, as {@code nibble train} makes it: begun, gone on
 * with after a kill, or done already. Any thread may ask how far it is, or cancel it.
 */
final class EvidenceRun {
  private static final String RESULT = "result.json";

  private final EvidenceCell cell;
  private final Path folder;
  private final Consumer<String> warnings;
  private volatile double share;
  private volatile boolean cancelled;
  private volatile @Nullable Trainer running;

  EvidenceRun(EvidenceCell cell, Path runs, Consumer<String> warnings) {
    this.cell = cell;
    this.folder = runs.resolve(cell.id());
    this.warnings = warnings;
  }

  EvidenceCell cell() {
    return cell;
  }

  /** Where a state's weights lie. */
  Path state(double state) {
    return folder.resolve(EvidenceCell.stateFile(state));
  }

  /** How much of it is done, from 0 to 1. */
  double share() {
    return share;
  }

  /** Asks it to stop after the step at hand. */
  void cancel() {
    cancelled = true;
    Trainer trainer = running;
    if (trainer != null) {
      trainer.cancel();
    }
  }

  /**
   * What came out, or null if it is not done.
   *
   * @throws BadInputException if the folder holds a run with other options, or a damaged result
   */
  @Nullable JsonObject result() {
    Path file = folder.resolve(RESULT);
    if (!Files.exists(file)) {
      return null;
    }
    try {
      JsonObject result = JsonParser.parse(Files.readString(file)).asObject();
      if (!result.get("command").asString().equals(cell.command())) {
        throw new BadInputException(
            "%s holds another run (%s): give another --runs folder, or delete that one."
                .formatted(folder, result.get("command").asString()));
      }
      return result;
    } catch (IOException e) {
      throw BadInputException.file("read", file, e);
    } catch (JsonException e) {
      throw new BadInputException(
          "%s is damaged (%s): delete it, and the run is looked at anew."
              .formatted(file, e.getMessage()),
          e);
    }
  }

  /**
   * Trains to the end, unless that was done before.
   *
   * @return what came out, or null if it was cancelled
   */
  @Nullable JsonObject run() {
    JsonObject known = result();
    if (known != null || cancelled) {
      share = known == null ? share : 1;
      return known;
    }
    TrainOptions options =
        CommandLine.populateCommand(new TrainOptions(), cell.arguments().toArray(String[]::new));
    boolean begun = Files.isRegularFile(folder.resolve(RunFolder.SETTINGS));
    Settings settings =
        begun
            ? Settings.resumed(Settings.read(folder.resolve(RunFolder.SETTINGS)), folder)
            : Settings.fresh();
    TrainSettings.settle(settings, options);
    try (WorkerGroup alone = WorkerGroup.of(options.workers);
        TrainSetup setup = TrainSetup.open(settings, options, alone);
        RunFolder run = begun ? RunFolder.existing(folder) : RunFolder.fresh(folder, "");
        MemoryAccount account = setup.openAccount();
        Trainer trainer = setup.openTrainer(account, null)) {
      run.create(settings);
      CheckpointStore store = new CheckpointStore(run.file(RunFolder.CHECKPOINTS));
      trainer.checkpointTo(store);
      Optional<LoadedCheckpoint> latest = store.loadLatest(warnings);
      if (latest.isPresent()) {
        try (LoadedCheckpoint checkpoint = latest.get()) {
          trainer.resume(checkpoint);
        }
      }
      return train(setup, trainer, run);
    } finally {
      running = null;
    }
  }

  private @Nullable JsonObject train(TrainSetup setup, Trainer trainer, RunFolder run) {
    running = trainer;
    if (cancelled) {
      trainer.cancel();
    }
    String diverged = null;
    try (MetricsFile metrics =
        MetricsFile.open(
            run.file(RunFolder.METRICS), trainer.done(), trainer.beginsWithTest(), new History())) {
      keepState(trainer);
      if (trainer.run(listener(trainer, metrics)).cancelled()) {
        return null;
      }
      trainer.saveModel(run.file(RunFolder.MODEL));
    } catch (DivergedException e) {
      // So it may end in few bits: that is a result, too.
      diverged = e.getMessage();
    }
    share = 1;
    JsonObject result = result(setup, trainer, run, diverged);
    write(folder.resolve(RESULT), result);
    return result;
  }

  private TrainingListener listener(Trainer trainer, MetricsFile metrics) {
    return new TrainingListener() {
      @Override
      public void onStep(Step step) {
        metrics.write(step);
        share = (double) step.step() / trainer.totalSteps();
        keepState(trainer);
      }

      @Override
      public void onEpoch(Epoch epoch) {
        metrics.write(epoch);
      }

      @Override
      public void onWarning(String sentence) {
        warnings.accept(cell.id() + ": " + sentence);
      }
    };
  }

  private void keepState(Trainer trainer) {
    for (double state : cell.states()) {
      if (Math.round(state * trainer.totalSteps()) == trainer.done()) {
        trainer.saveModel(state(state));
      }
    }
  }

  private JsonObject result(
      TrainSetup setup, Trainer trainer, RunFolder run, @Nullable String diverged) {
    EvidenceMetrics metrics = EvidenceMetrics.read(run.file(RunFolder.METRICS));
    if (diverged == null && metrics.testedAt() != trainer.totalSteps()) {
      throw new BadInputException(
          "%s tells of %,d of %,d steps: delete %s, and the run is done anew."
              .formatted(
                  run.file(RunFolder.METRICS), metrics.testedAt(), trainer.totalSteps(), folder));
    }
    TrainingPlan plan = setup.plan();
    JsonObject.Builder result =
        JsonObject.builder()
            .put("id", cell.id())
            .put("model", cell.model())
            .put("data", setup.data().name())
            .put("way", cell.way())
            .put("activations", cell.activations())
            .put("naive", cell.naive())
            .put("seed", cell.seed())
            .put("steps", trainer.totalSteps())
            .put("command", cell.command())
            .put("commit", Machine.commit(System.getProperty(BenchCommand.HOME_PROPERTY, "")))
            .put("processor", Machine.processor())
            .put("kernels", trainer.kernelsDescription())
            .put("planned_bytes", plan.totalBytes())
            .put("stored_bytes", plan.storeBytes());
    metrics.describe(result);
    if (diverged != null) {
      result.put("diverged", diverged);
    }
    return result.build();
  }

  /** Writes a file whole or not at all. */
  static void write(Path file, JsonObject json) {
    try {
      RunFolder.replace(file, JsonWriter.indented(json) + "\n");
    } catch (IOException e) {
      throw BadInputException.file("write", file, e);
    }
  }
}
