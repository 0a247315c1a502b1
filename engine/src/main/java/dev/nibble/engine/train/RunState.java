package dev.nibble.engine.train;

import dev.nibble.engine.checkpoint.CheckpointMeta;
import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.checkpoint.Section;
import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.Exchange;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.exec.KeptWeights.Version;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.model.ModelInfo;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * All that a run has come to: its tensors, its position and how its pictures are normalised. It is
 * saved, taken up again, and agreed on by the workers that share the run.
 */
final class RunState {
  private final Session session;
  private final DataSplits data;
  private final TrainingOptions options;
  private final RunPosition position;
  private ModelInfo info;
  private @Nullable CheckpointStore checkpoints;
  private @Nullable Map<String, String> fingerprint;

  RunState(Session session, DataSplits data, TrainingOptions options, RunPosition position) {
    this.session = session;
    this.data = data;
    this.options = options;
    this.position = position;
    this.info = DataFit.info(session.network(), data, options);
    normalize(info);
  }

  /** What a saved model will say about itself. */
  ModelInfo info() {
    return info;
  }

  /** Normalises pictures from now on as this says. */
  void normalize(ModelInfo changed) {
    info = changed;
    session.setNormalization(info.mean(), info.std(), info.pictureMean());
  }

  /** Says where checkpoints go. */
  void saveTo(CheckpointStore store) {
    fingerprint(); // not within the run, where an interrupt would close the pictures' files
    checkpoints = store;
  }

  private Map<String, String> fingerprint() {
    Map<String, String> known = fingerprint;
    if (known == null) {
      known = DataFingerprint.of(data);
      fingerprint = known;
    }
    return known;
  }

  /** Goes on where a checkpoint left off ({@link Trainer#resume}). */
  void resume(LoadedCheckpoint checkpoint) {
    session.kept().use(Version.TRAINED);
    TrainerCheckpoint.requireData(checkpoint, fingerprint());
    ModelInfo saved = TrainerCheckpoint.info(checkpoint, info, options);
    Untested untested = TrainerCheckpoint.untested(checkpoint);
    position.resumeAt(
        TrainerCheckpoint.restore(
            checkpoint, session, position.best(), options.trajectory(position.totalSteps())),
        untested);
    normalize(saved);
  }

  /** Saves a checkpoint of the steps done ({@link Trainer#checkpoint}). */
  Path save() {
    CheckpointStore store = checkpoints;
    if (store == null) {
      throw new IllegalStateException("No folder for checkpoints was given");
    }
    CheckpointMeta meta = TrainerCheckpoint.meta(session, options, info, fingerprint(), position);
    return session
        .kept()
        .with(
            Version.TRAINED,
            () -> {
              List<Section> sections = TrainerCheckpoint.sections(session, position.best());
              TrainerCheckpoint.requireFinite(position.done(), sections);
              // Before an evaluation, which may show that it is of no use, none is given up for it.
              return position.untested() == null
                  ? store.save(meta, sections)
                  : store.saveBeside(meta, sections);
            });
  }

  /** What saves the checkpoints of a run that nobody shares; null where there are none. */
  TrainingLoop.@Nullable Saver saver() {
    CheckpointStore store = checkpoints;
    return store == null ? null : Savers.first(session, this::save, store, null);
  }

  /**
   * Makes sure that all workers mean the same run, and begins it where the first one stands.
   *
   * @return what saves checkpoints; null where there are none
   */
  TrainingLoop.@Nullable Saver agree(Collective all) {
    try (Agreement agreement = new Agreement(all)) {
      agreement.compare(TrainerCheckpoint.description(session, options, fingerprint(), position));
      boolean first = all.rank() == 0;
      Map<String, String> words =
          agreement.first(
              first ? TrainerCheckpoint.start(info, position, checkpoints != null) : Map.of());
      session.kept().use(Version.TRAINED);
      List<MemorySegment> state =
          TrainerCheckpoint.sections(session, position.best()).stream()
              .map(Section::data)
              .filter(MemorySegment::isNative)
              .toList();
      agreement.broadcast(state);
      if (!first) {
        normalize(TrainerCheckpoint.follow(words, session, info, position));
      }
      Exchange saved = all.barrier("the checkpoint");
      if (!TrainerCheckpoint.isSaved(words)) {
        return null;
      }
      CheckpointStore store = checkpoints;
      return store == null
          ? Savers.follower(session, saved)
          : Savers.first(session, this::save, store, saved);
    }
  }
}
