package dev.nibble.samples;

import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.collective.CollectiveException;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.Task;
import dev.nibble.engine.json.JsonWriter;
import dev.nibble.engine.tensorboard.TensorBoardListener;
import dev.nibble.engine.train.DivergedException;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingPlan;
import dev.nibble.engine.train.TrainingResult;
import dev.nibble.kernels.DeviceException;
import dev.nibble.memory.ByteSize;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** {@code nibble train}: trains a network and leaves a model, curves and checkpoints. */
@Command(
    name = "train",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Trains a network on pictures, keeping its activations in few bits.",
      "",
      "Without options: ResNet-20 with int4 activations on the built-in data set 'shapes'."
    },
    footer = {
      "",
      "Examples:",
      "  nibble train",
      "  nibble data fetch cifar10",
      "  nibble train --data cifar10 --model resnet20 --lr 0.2 --epochs 10",
      "  nibble train --data photos --image-size 64x64 --skip-unreadable --memory-limit 512MiB",
      "  nibble train --data cifar10 --optimizer adamw --ema 0.999 --label-smoothing 0.1",
      "  nibble train --data photos --model mobilenet.onnx --freeze-batch-norm --lr 0.01",
      "  nibble train --config runs/resnet20-cifar10-int4/run.json --seed 1",
      "  nibble train --resume runs/resnet20-cifar10-int4",
      "  nibble train --data photos --labels photos/labels.csv --loss bce --class-weights balanced",
      "  nibble train --data cifar10 --workers 2",
      "  mpirun -n 4 nibble train --data cifar10",
      "",
      "The folder --out then holds metrics.jsonl (a line a step and an epoch), model.safetensors",
      "(loads in PyTorch; for nibble evaluate and predict), curves.png, plan.json, run.json (all",
      "options) and checkpoints/. Ctrl-C saves a checkpoint and says how to go on."
    })
final class TrainCommand implements Callable<Integer> {
  private static final int CANCELLED = 130;

  @Spec CommandSpec spec = CommandSpec.create();

  @Mixin TrainOptions options = new TrainOptions();

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description =
          "Take options from a file, a line each without dashes, such as 'lr: 0.2' (flat YAML), or"
              + " from another run's run.json. What is given beside it counts.")
  private @Nullable String config;

  @Option(
      names = "--out",
      paramLabel = "FOLDER",
      description = "Where the run's files go. Default: a new runs/MODEL-DATA-ACTIVATIONS.")
  private @Nullable String out;

  @Option(
      names = "--resume",
      paramLabel = "FOLDER",
      description =
          "Go on with the run in that folder, with its options, from its last checkpoint: the"
              + " weights end as if it had never stopped.")
  private @Nullable String resume;

  @Option(
      names = "--no-progress",
      description = "Print a line an epoch and no progress between them.")
  private boolean noProgress;

  @Override
  public Integer call() {
    if (config != null) {
      takeConfig(ConfigFile.read(BadInputException.path(config)));
    }
    if (out != null && resume != null) {
      throw new BadInputException("Give --out for a new run or --resume for an old one, not both.");
    }
    RunFolder old = resume == null ? null : RunFolder.existing(BadInputException.path(resume));
    Settings settings =
        old == null
            ? Settings.fresh()
            : Settings.resumed(Settings.read(old.file(RunFolder.SETTINGS)), old.path());
    TrainSettings.settle(settings, options);
    WorkerGroup who = WorkerGroup.of(options.workers);
    if (who.rank() > 0) {
      return follow(settings, who);
    }
    // Closed last: the JVM must not end while the trainer still gives a device back.
    try (StopOnSignal stop = new StopOnSignal(spec.commandLine().getErr());
        TrainSetup setup = TrainSetup.open(settings, options, who);
        RunFolder folder = old != null ? old : newFolder(settings, setup.data());
        MemoryAccount account = setup.openAccount();
        WorkerGroup group = who;
        Trainer trainer = setup.openTrainer(account, group.meet())) {
      if (old == null) {
        warmStart(trainer, settings);
      }
      // Only now, that nothing can be wrong with the input any more, does anything appear on disk.
      TensorBoardFolder board = TensorBoardFolder.of(settings, folder.path());
      folder.create(settings);
      if (ModelChoice.isFile(settings.text("model"))) {
        folder.keep(setup.network());
      }
      CheckpointStore store = new CheckpointStore(folder.file(RunFolder.CHECKPOINTS));
      trainer.checkpointTo(store);
      if (old != null && !restore(trainer, store)) {
        warmStart(trainer, settings);
      }
      tellOtherKernels(settings, setup);
      return train(setup, trainer, folder, board, account, stop);
    }
  }

  /** What a worker but the first does: its part of every batch, and nothing on the disk. */
  private int follow(Settings settings, WorkerGroup who) {
    try (StopOnSignal stop = new StopOnSignal(spec.commandLine().getErr());
        TrainSetup setup = TrainSetup.open(settings, options, who);
        MemoryAccount account = setup.openAccount();
        WorkerGroup group = who;
        Trainer trainer = setup.openTrainer(account, group.meet())) {
      stop.begin(trainer::cancel, () -> "nibble: Stopped in the middle of a step.");
      TrainingResult result = trainer.run(new TrainingListener() {});
      return result.cancelled() ? CANCELLED : 0;
    } catch (CollectiveException | DivergedException e) {
      String sentence = String.valueOf(e.getMessage());
      // Whoever has started this worker says it, unless it is gone.
      if (who.isChild() && !sentence.startsWith("Worker 0 ")) {
        return Nibble.FAILED;
      }
      throw e;
    }
  }

  /** Reads the command line once more, with the file's options before it. */
  private void takeConfig(ConfigFile file) {
    ParseResult given = spec.commandLine().getParseResult();
    List<String> words = new ArrayList<>(file.arguments(spec, given));
    words.addAll(given.originalArgs());
    TrainCommand both = new TrainCommand();
    CommandLine line = new CommandLine(both);
    line.setUnmatchedArgumentsAllowed(true); // options of the program around it
    try {
      line.parseArgs(words.toArray(String[]::new));
    } catch (ParameterException e) {
      throw new BadInputException("%s: %s.".formatted(config, e.getMessage()), e);
    }
    options = both.options;
    out = both.out;
    noProgress = both.noProgress;
  }

  private void tellOtherKernels(Settings settings, TrainSetup setup) {
    String before = settings.findSaved("kernels");
    if (before != null && !before.equals(setup.kernels().name())) {
      spec.commandLine()
          .getOut()
          .printf(
              "Going on with %s kernels: the weights will differ in their last digits from those"
                  + " that %s kernels would have made%n",
              setup.kernels().name(), before);
    }
    String precision = settings.findSaved(TrainSetup.GPU_PRECISION);
    String now = settings.find(TrainSetup.GPU_PRECISION);
    if (precision != null && now != null && !precision.equals(now)) {
      spec.commandLine()
          .getOut()
          .printf("Going on with %s products, where %s ones were made before%n", now, precision);
    }
  }

  private RunFolder newFolder(Settings settings, DataSplits data) {
    return RunFolder.fresh(
        out == null ? null : BadInputException.path(out), TrainSetup.runName(settings, data));
  }

  private void warmStart(Trainer trainer, Settings settings) {
    Path init = TrainSetup.init(settings);
    if (init == null) {
      return;
    }
    PrintWriter out = spec.commandLine().getOut();
    WarmStartNotes.of(trainer.warmStart(init), settings).forEach(out::println);
  }

  /** Whether there was a checkpoint. */
  private boolean restore(Trainer trainer, CheckpointStore store) {
    PrintWriter err = spec.commandLine().getErr();
    Optional<LoadedCheckpoint> latest = store.loadLatest(w -> err.println("nibble: " + w));
    if (latest.isPresent()) {
      try (LoadedCheckpoint checkpoint = latest.get()) {
        trainer.resume(checkpoint);
      }
    }
    return latest.isPresent();
  }

  private int train(
      TrainSetup setup,
      Trainer trainer,
      RunFolder folder,
      TensorBoardFolder board,
      MemoryAccount account,
      StopOnSignal stop) {
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    setup.limit().warn(err);
    TrainingPlan plan = setup.plan();
    writePlan(setup, plan, folder);
    introduce(setup, trainer, plan, folder, out);
    History history = new History();
    String title =
        "%s on %s, %s, batch %s"
            .formatted(
                setup.network().name(),
                setup.data().name(),
                setup.options().activations() + (setup.options().naive() ? " naive" : ""),
                setup.options().batch());
    String goOn = "nibble train --resume " + folder.path();
    stop.begin(
        trainer::cancel,
        () ->
            lastCheckpoint(folder).isEmpty()
                ? "nibble: Stopped before the first checkpoint: start the run again."
                : "nibble: Stopped in the middle of a step; go on from the last checkpoint with: "
                    + goOn);
    try (MetricsFile metrics =
        MetricsFile.open(
            folder.file(RunFolder.METRICS),
            trainer.done(),
            trainer.beginsWithTest(),
            history,
            setup.data().train().task())) {
      LiveLine line = LiveLine.of(out, noProgress);
      TrainingReport report =
          new TrainingReport(
              trainer,
              folder,
              metrics,
              history,
              line,
              err,
              title,
              plan.totalBytes(),
              setup.data().train().task(),
              setup.classMetrics());
      TrainingResult result;
      try (TensorBoardListener events = board.open(account, report::onWarning)) {
        result = trainer.run(TensorBoardFolder.both(report, events));
      } catch (DivergedException e) {
        report.end();
        throw new BadInputException(e.getMessage() + " " + lastGood(folder), e);
      } catch (CollectiveException e) {
        report.end();
        throw new CollectiveException(
            "%s %s%s"
                .formatted(
                    e.getMessage(),
                    lastGood(folder),
                    lastCheckpoint(folder).isEmpty() ? "" : " Go on with: " + goOn),
            e);
      } catch (DeviceException e) {
        report.end();
        throw new DeviceFailedException(
            e, "%s Go on with: %s --kernels vector".formatted(lastGood(folder), goOn));
      } finally {
        report.end();
      }
      trainer.saveModel(folder.file(RunFolder.MODEL));
      if (result.cancelled()) {
        out.printf("Stopped after step %d; the checkpoint is saved. Go on with:%n", result.steps());
        out.println("  " + goOn);
        out.flush();
        return CANCELLED;
      }
      report.drawCurves();
      summarize(setup, trainer, folder, plan, report, result);
    }
    return 0;
  }

  private static String reached(Task task, double score) {
    return task == Task.CLASSIFICATION
        ? String.format(Locale.ROOT, "%.2f %% test accuracy", 100 * score)
        : String.format(Locale.ROOT, "a test %s of %.4f", TaskWords.score(task), score);
  }

  private static Optional<Path> lastCheckpoint(RunFolder folder) {
    return new CheckpointStore(folder.file(RunFolder.CHECKPOINTS)).list().stream().findFirst();
  }

  private static String lastGood(RunFolder folder) {
    return lastCheckpoint(folder)
        .map(path -> "The last good checkpoint is " + path + ".")
        .orElse("There was no checkpoint yet.");
  }

  private static String count(int number, String what) {
    return number + " " + what + (number == 1 ? "" : "s");
  }

  private static void writePlan(TrainSetup setup, TrainingPlan plan, RunFolder folder) {
    Path file = folder.file(RunFolder.PLAN);
    try {
      RunFolder.replace(
          file,
          JsonWriter.indented(
                  PlanReport.json(plan, setup.limit().isSet() ? setup.limit().bytes() : null))
              + "\n");
    } catch (IOException e) {
      throw BadInputException.file("write", file, e);
    }
  }

  private static void introduce(
      TrainSetup setup, Trainer trainer, TrainingPlan plan, RunFolder folder, PrintWriter out) {
    DataSplits data = setup.data();
    out.printf(
        Locale.ROOT,
        "Training %s (%,d parameters) on %s: %,d training%s and %,d test pictures of %s, %s%n",
        setup.network().name(),
        setup.network().parameterCount(),
        data.name(),
        data.train().size(),
        data.validation() == null ? "" : ", %,d validation".formatted(data.validation().size()),
        data.test().size(),
        setup.network().input(),
        TaskWords.count(data.train().task(), setup.network().classes()));
    int skipped = data.train().skipped() + data.test().skipped();
    if (skipped > 0) {
      out.printf("Left out %s%n", count(skipped, "unreadable picture"));
    }
    setup.notes().forEach(out::println);
    data.notes().forEach(out::println);
    plan.warnings().forEach(warning -> out.println("Warning: " + warning));
    if (setup.options().earlyStopping() != null && data.validation() == null) {
      out.println(
          "Warning: the best epoch is chosen by the test pictures, so that their accuracy will be"
              + " too good: --val-split 0.1 keeps them unseen.");
    }
    out.printf(
        "Kernels %s, %s; memory planned: %s, of which %s stored activations%n",
        trainer.kernelsDescription(),
        count(setup.options().threads(), "thread"),
        ByteSize.format(plan.totalBytes()),
        ByteSize.format(plan.storeBytes()));
    int workers = setup.options().workers().count();
    if (workers > 1) {
      out.printf(
          "%d workers share every batch, threads and memory are those of each; batch norm is %s%n",
          workers, setup.options().workers().localNorm() ? "local" : "global");
    }
    if (setup.limit().isSet()) {
      out.println("Fits " + setup.limit().source() + ": " + setup.choice());
    }
    if (trainer.done() > 0) {
      out.printf("Going on after step %d of %d%n", trainer.done(), trainer.totalSteps());
    }
    out.println("Files go to " + folder.path());
  }

  private void summarize(
      TrainSetup setup,
      Trainer trainer,
      RunFolder folder,
      TrainingPlan plan,
      TrainingReport report,
      TrainingResult result) {
    PrintWriter out = spec.commandLine().getOut();
    if (result.bestEpoch() > 0) {
      out.printf(
          "%sKept is the model of epoch %d, the best one%n",
          result.stoppedEarly()
              ? "Stopped early: the %s %s rises no more. "
                  .formatted(
                      setup.data().validation() == null ? "test" : "validation",
                      TaskWords.score(setup.data().train().task()))
              : "",
          result.bestEpoch());
    }
    if (Double.isNaN(result.testLoss())) {
      out.printf("The run was already complete after %d steps%n", trainer.totalSteps());
    } else {
      out.printf(
          Locale.ROOT,
          "Done: %s reaches %s (loss %.4f) after %d steps, in %s%n",
          setup.network().name(),
          reached(setup.data().train().task(), result.testAccuracy()),
          result.testLoss(),
          result.steps(),
          TrainingReport.time(report.seconds()));
    }
    long peak = Machine.peakResidentBytes();
    out.printf(
        "Memory: %s planned and used%s%n",
        ByteSize.format(plan.totalBytes()),
        peak < 0 ? "" : ", " + ByteSize.format(peak) + " resident in the whole process at most");
    StringBuilder files = new StringBuilder();
    for (String name :
        new String[] {
          RunFolder.MODEL,
          RunFolder.CURVES,
          RunFolder.METRICS,
          RunFolder.PLAN,
          RunFolder.SETTINGS,
          RunFolder.CHECKPOINTS
        }) {
      if (Files.exists(folder.file(name))) {
        files.append(files.isEmpty() ? "" : ", ").append(name);
      }
    }
    out.printf("In %s: %s%n", folder.path(), files);
  }
}
