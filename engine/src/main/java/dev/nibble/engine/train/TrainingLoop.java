package dev.nibble.engine.train;

import dev.nibble.engine.data.BatchSlot;
import dev.nibble.engine.data.DataLoader;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.exec.KeptWeights.Version;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.optim.LearningRateSchedule;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The steps of a run, and what comes between them: evaluations, checkpoints, early stopping. Used
 * by one thread; only {@link #cancel} may be called by others.
 */
final class TrainingLoop {
  private final Session session;
  private final DataSplits data;
  private final TrainingOptions options;
  private final BatchGroups groups;
  private final long stepsPerEpoch;
  private final long totalSteps;
  private final LearningRateSchedule rates;
  private final BestEpoch best;
  private final StepRecorder recorder;
  private final Progress progress = new Progress();
  private long done;
  private volatile boolean cancelled;

  TrainingLoop(Session session, DataSplits data, TrainingOptions options) {
    this.session = session;
    this.data = data;
    this.options = options;
    this.groups = options.groups(data.train().size());
    this.stepsPerEpoch = groups.stepsPerEpoch();
    this.totalSteps = options.totalSteps(stepsPerEpoch);
    this.rates = options.rates(totalSteps);
    this.best = new BestEpoch(options.earlyStopping());
    this.recorder = new StepRecorder(session.plan());
  }

  long totalSteps() {
    return totalSteps;
  }

  long stepsPerEpoch() {
    return stepsPerEpoch;
  }

  /** Steps done, those before a resume included. */
  long done() {
    return done;
  }

  /** Whole epochs done. */
  int epochsDone() {
    return (int) (done / stepsPerEpoch);
  }

  double lastLoss() {
    return progress.lastLoss();
  }

  BestEpoch best() {
    return best;
  }

  /** Goes on behind so many steps. */
  void resumeAt(long step) {
    done = step;
  }

  void cancel() {
    cancelled = true;
  }

  /** Which weights a saved model has. */
  Version keptVersion() {
    return best.isFound() ? Version.BEST : evaluatedVersion();
  }

  private Version evaluatedVersion() {
    // Before the first step there is no average.
    return options.update().averages() && done > 0 ? Version.AVERAGE : Version.TRAINED;
  }

  /**
   * Trains to the end, until early stopping, until the loader ends, or until {@link #cancel}.
   *
   * @param checkpoint saves one, if any are wanted
   * @throws DivergedException if a loss, or a norm to clip, is not finite
   */
  TrainingResult run(
      TrainingListener listener, DataLoader.Factory loaders, @Nullable Supplier<Path> checkpoint) {
    session.kept().use(Version.TRAINED);
    TrainingRun view =
        new SessionRun(
            session, options.batch() * groups.perStep(), done, totalSteps, stepsPerEpoch);
    TrainingLog.started(view);
    listener.onStart(view);
    List<BatchSlot> slots = session.slots();
    try (DataLoader loader =
        loaders.open(
            slots.subList(0, TrainingPlan.LOADER_SLOTS),
            groups.batchesBefore(done),
            groups.batchesBefore(totalSteps))) {
      StepRunner steps = new StepRunner(session, loader, groups);
      long start = System.nanoTime();
      while (done < totalSteps && !cancelled && !best.isExhausted()) {
        if (!step(steps, listener, start)) {
          break;
        }
        afterStep(listener, checkpoint);
        // Evaluations and checkpoints are not the next step's time.
        start = System.nanoTime();
      }
    }
    if (checkpoint != null && progress.isUnsaved(done)) {
      save(listener, checkpoint);
    }
    session.kept().use(keptVersion());
    TrainingResult result = progress.result(done, totalSteps, best);
    TrainingLog.ended(view, result);
    return result;
  }

  private boolean step(StepRunner steps, TrainingListener listener, long start) {
    recorder.begin();
    float rate = rates.rate(done);
    if (!steps.run(done + 1, rate)) {
      return false;
    }
    done++;
    double seconds = (System.nanoTime() - start) / 1e9;
    progress.add(steps.loss(), steps.accuracy());
    TrainingListener.Step step =
        new TrainingListener.Step(
            done,
            currentEpoch(),
            steps.loss(),
            steps.accuracy(),
            rate,
            session.update().gradientNorm(),
            steps.pictures() / seconds,
            seconds);
    recorder.end(step, steps.pictures());
    listener.onStep(step);
    return true;
  }

  /** The epoch, from 1, of the last step done. */
  private int currentEpoch() {
    return (int) ((done - 1) / stepsPerEpoch) + 1;
  }

  private void afterStep(TrainingListener listener, @Nullable Supplier<Path> checkpoint) {
    boolean lastOfEpoch = done % stepsPerEpoch == 0;
    if (lastOfEpoch || done == totalSteps) {
      long start = System.nanoTime();
      int epoch = currentEpoch();
      Optional<Evaluator.Result> result =
          session.kept().with(evaluatedVersion(), () -> evaluate(epoch));
      if (result.isEmpty()) {
        progress.interrupted();
        return; // the run's end saves the checkpoint
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      listener.onEpoch(progress.endEpoch(done, epoch, result.get(), seconds));
    }
    long every = options.checkpointEvery();
    if (checkpoint != null && every > 0 && done % every == 0) {
      save(listener, checkpoint);
    }
  }

  /** Nothing if the run was cancelled meanwhile. */
  private Optional<Evaluator.Result> evaluate(int epoch) {
    List<BatchSlot> slots = session.slots().subList(TrainingPlan.LOADER_SLOTS, TrainingPlan.SLOTS);
    // Early stopping goes by every epoch's result: a resumed run must find this one, too.
    Optional<Evaluator.Result> result =
        Evaluator.evaluate(session, data.test(), slots, () -> cancelled && !best.isSought());
    if (result.isPresent() && best.offer(epoch, result.get())) {
      session.kept().keepBest();
    }
    return result;
  }

  private void save(TrainingListener listener, Supplier<Path> checkpoint) {
    Path file = checkpoint.get();
    progress.saved(done);
    listener.onCheckpoint(done, file);
  }
}
