package dev.nibble.engine.train;

import dev.nibble.engine.checkpoint.CheckpointException;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.loading.BatchSlot;
import dev.nibble.engine.data.loading.DataLoader;
import dev.nibble.engine.exec.KeptWeights.Version;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.optim.LearningRateSchedule;
import dev.nibble.kernels.DeviceException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The steps of a run, and what comes between them: evaluations, checkpoints, early stopping. Used
 * by one thread; only {@link #cancel} may be called by others.
 */
final class TrainingLoop {
  /** Keeps checkpoints of the run. */
  interface Saver {
    /**
     * Saves the steps done, and whether the epoch that ended with them is still to be tested.
     *
     * @return null where another worker saves
     */
    @Nullable Path save();

    /** Saves the steps done when no other worker may be waited for. */
    void saveAlone();

    /** Sets a checkpoint of that step aside: its evaluation has shown that it is of no use. */
    void disown(long step);
  }

  private final Session session;
  private final DataSplits data;
  private final TrainingOptions options;
  private final BatchGroups groups;
  private final boolean shared;
  private final RunPosition position;
  private final LearningRateSchedule rates;
  private final StepRecorder recorder;
  private final Progress progress = new Progress();
  private final Interrupts interrupts = new Interrupts();
  private volatile boolean cancelled;

  TrainingLoop(Session session, DataSplits data, TrainingOptions options) {
    this.session = session;
    this.data = data;
    this.options = options;
    this.shared = !session.share().isWhole();
    this.groups = options.groups(data.train().size());
    this.position = new RunPosition(options, groups);
    this.rates = options.rates(position.totalSteps());
    this.recorder = new StepRecorder(session.plan());
  }

  /** Where the run stands. */
  RunPosition position() {
    return position;
  }

  void cancel() {
    cancelled = true;
  }

  /** Workers that share batches stop together: one that wishes to tells the others. */
  private boolean isCancelled() {
    cancelled |= interrupts.seen();
    if (!shared) {
      return cancelled;
    }
    if (cancelled) {
      session.wishToStop();
    }
    return session.isStopAgreed();
  }

  /** Which weights a saved model has. */
  Version keptVersion() {
    return position.best().isFound() ? Version.BEST : evaluatedVersion();
  }

  private Version evaluatedVersion() {
    // Before the first step there is no average.
    return options.update().averages() && position.done() > 0 ? Version.AVERAGE : Version.TRAINED;
  }

  /**
   * Trains to the end, until early stopping, until the loader ends, until {@link #cancel}, or until
   * the thread is interrupted, which it then still is.
   *
   * @param saver saves checkpoints, if any are wanted
   * @throws DivergedException if a loss, a norm to clip, or what a step leaves is not finite
   */
  TrainingResult run(TrainingListener listener, DataLoader.Factory loaders, @Nullable Saver saver) {
    session.kept().use(Version.TRAINED);
    TrainingRun view =
        new SessionRun(
            session,
            options.batch() * groups.perStep(),
            position.done(),
            position.totalSteps(),
            position.stepsPerEpoch());
    try {
      TrainingLog.started(view);
      listener.onStart(view);
      train(listener, loaders, saver);
      if (saver != null && progress.isUnsaved(position.done())) {
        save(listener, saver);
      }
      session.kept().use(keptVersion());
      TrainingResult result = progress.result(position);
      if (data.validation() != null) {
        result = tested(result);
      }
      TrainingLog.ended(view, result);
      return result;
    } finally {
      interrupts.restore();
    }
  }

  /** Tests the model that is kept, which was chosen without the test pictures; once, at the end. */
  private TrainingResult tested(TrainingResult result) {
    if (result.cancelled()) {
      return result.validated(Double.NaN, Double.NaN);
    }
    List<BatchSlot> slots = session.slots().subList(TrainingPlan.LOADER_SLOTS, TrainingPlan.SLOTS);
    Optional<Evaluator.Result> test =
        Evaluator.evaluate(session, data.test(), slots, this::isCancelled, interrupts, false);
    return result.validated(
        test.map(Evaluator.Result::loss).orElse(Double.NaN),
        test.map(Evaluator.Result::score).orElse(Double.NaN));
  }

  private void train(TrainingListener listener, DataLoader.Factory loaders, @Nullable Saver saver) {
    List<BatchSlot> slots = session.slots();
    try (DataLoader loader =
        loaders.open(
            slots.subList(0, TrainingPlan.LOADER_SLOTS),
            groups.batchesBefore(position.done()),
            groups.batchesBefore(position.totalSteps()))) {
      StepRunner steps = new StepRunner(session, loader, groups, interrupts, data.train().task());
      long before = position.done();
      try {
        test(listener, saver);
        long start = System.nanoTime();
        while (!position.isAtEnd() && !isCancelled() && !position.best().isExhausted()) {
          if (!step(steps, listener, start)) {
            break;
          }
          afterStep(listener, saver);
          // Evaluations and checkpoints are not the next step's time.
          start = System.nanoTime();
        }
      } catch (DivergedException | DeviceException | CheckpointException e) {
        throw e; // there is nothing sound to save, or no way to
      } catch (RuntimeException | Error e) {
        if (saver != null && position.done() > before && !steps.isUnderWay()) {
          saveAfter(e, saver);
        }
        throw e;
      }
    }
  }

  private boolean step(StepRunner steps, TrainingListener listener, long start) {
    recorder.begin();
    long before = position.done();
    float rate = RateFingerprint.checked(rates.rate(before), before);
    if (!steps.run(before + 1, rate)) {
      return false;
    }
    position.stepped(steps.loss());
    double seconds = (System.nanoTime() - start) / 1e9;
    progress.add(steps.loss(), steps.accuracy());
    if (position.endsEpoch()) {
      position.leaveUntested(progress.endSteps());
    }
    TrainingListener.Step step =
        new TrainingListener.Step(
            position.done(),
            position.currentEpoch(),
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

  private void afterStep(TrainingListener listener, @Nullable Saver saver) {
    long every = options.checkpointEvery();
    Saver due = every > 0 && position.done() % every == 0 ? saver : null;
    if (due != null && position.untested() != null) {
      // The evaluation may fail, or be killed: the steps are not to be lost with it.
      due.save();
    }
    if (test(listener, saver) && due != null) {
      save(listener, due);
    }
  }

  /** Evaluates the epoch that has ended, if there is one; false if that was given up. */
  private boolean test(TrainingListener listener, @Nullable Saver saver) {
    Untested epoch = position.untested();
    if (epoch == null) {
      return true;
    }
    long start = System.nanoTime();
    int number = position.currentEpoch();
    Optional<Evaluator.Result> result =
        session.kept().with(evaluatedVersion(), () -> evaluate(number, saver));
    if (result.isEmpty()) {
      progress.interrupted();
      return false; // the run's end saves the checkpoint
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    position.leaveUntested(null);
    progress.outdated();
    boolean onValidation = data.validation() != null;
    listener.onEpoch(
        progress.endEpoch(position.done(), number, epoch, result.get(), seconds, onValidation));
    return true;
  }

  /** Nothing if the run was cancelled meanwhile. */
  private Optional<Evaluator.Result> evaluate(int epoch, @Nullable Saver saver) {
    List<BatchSlot> slots = session.slots().subList(TrainingPlan.LOADER_SLOTS, TrainingPlan.SLOTS);
    // Early stopping goes by every epoch's result: it must not be given up.
    boolean needed = position.best().isSought();
    session.agreeOnStatistics();
    Optional<Evaluator.Result> result =
        Evaluator.evaluate(
            session,
            data.evaluated(),
            slots,
            () -> !needed && isCancelled(),
            interrupts,
            needed || shared);
    if (result.isPresent()) {
      if (!Double.isFinite(result.get().loss())) {
        if (saver != null) {
          saver.disown(position.done());
        }
        throw DivergedException.tested(position.done(), result.get().loss());
      }
      if (position.best().offer(epoch, result.get().score(), result.get().loss())) {
        session.kept().keepBest();
      }
    }
    return result;
  }

  private void save(TrainingListener listener, Saver saver) {
    Path file = saver.save();
    progress.saved(position.done());
    if (file != null) {
      listener.onCheckpoint(position.done(), file);
    }
  }

  /** The steps done are not to be lost with whatever ends the run. */
  private void saveAfter(Throwable failure, Saver saver) {
    try {
      if (progress.isUnsaved(position.done())) {
        saver.saveAlone();
        progress.saved(position.done());
      }
    } catch (RuntimeException | Error e) {
      failure.addSuppressed(e);
    }
  }
}
