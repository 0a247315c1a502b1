package dev.nibble.engine.train;

import dev.nibble.engine.checkpoint.CheckpointMeta;
import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.checkpoint.Section;
import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.CollectiveException;
import dev.nibble.engine.collective.Exchange;
import dev.nibble.engine.data.BatchSlot;
import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataLoader;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.PrefetchingDataLoader;
import dev.nibble.engine.exchange.onnx.OnnxImport;
import dev.nibble.engine.exec.Initializer;
import dev.nibble.engine.exec.KeptWeights.Version;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.model.Normalization;
import dev.nibble.engine.model.WarmStart;
import dev.nibble.engine.model.WeightSource;
import dev.nibble.engine.network.Network;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Trains a network on a data set. Everything it needs is planned and allocated when it is opened;
 * the training steps allocate nothing off-heap and next to nothing on it.
 *
 * <p>Used by one thread; only {@link #cancel} may be called by others.
 */
public final class Trainer implements AutoCloseable {
  private final DataSplits data;
  private final TrainingOptions options;
  private final MemoryBudget.Choice choice;
  private final Session session;
  private final TrainingLoop loop;
  private ModelInfo info;
  private DataLoader.Factory loaders = this::prefetching;
  private final @Nullable Collective collective;
  private boolean agreed;
  private boolean customLoader;
  private @Nullable Exchange saved;
  private @Nullable CheckpointStore checkpoints;
  private @Nullable Map<String, String> fingerprint;

  private Trainer(
      Network network,
      DataSplits data,
      TrainingOptions given,
      Kernels kernels,
      MemoryAccount account,
      @Nullable Collective collective) {
    DataFit.check(network, data);
    TrainingOptions wanted = given.forTask(data.train().task());
    this.data = data;
    this.collective = collective == null || collective.size() == 1 ? null : collective;
    this.choice = MemoryBudget.choose(network, wanted, data.train(), kernels, account.available());
    this.options = choice.plan().options();
    this.session =
        Session.open(
            choice.plan().execution(),
            TrainingPlan.sessionOptions(options).with(this.collective),
            choice.plan().kernels(),
            account);
    try {
      this.loop = new TrainingLoop(session, data, options);
      this.info = DataFit.info(network, data, options);
      session.setNormalization(info.mean(), info.std(), info.pictureMean());
      Initializer.initialize(session, options.seed());
    } catch (RuntimeException | Error e) {
      session.close();
      throw e;
    }
  }

  /**
   * Plans and allocates a training run, with freshly initialised weights. A store format or a batch
   * that the options leave open is chosen so that the run fits what the account has free; {@link
   * #choice} says what and why.
   *
   * @param account what its memory is taken from
   * @throws DataException if the data does not fit the network or the batch
   * @throws dev.nibble.memory.MemoryLimitException if the account has less free than is needed
   * @throws dev.nibble.kernels.DeviceException if the kernels' device refuses something
   */
  public static Trainer open(
      Network network,
      DataSplits data,
      TrainingOptions options,
      Kernels kernels,
      MemoryAccount account) {
    return new Trainer(network, data, options.as(0, 1), kernels, account, null);
  }

  /**
   * Plans and allocates one worker's part of a run that several share, as the other does. Each
   * worker opens its own, with the same network, data and options, and calls {@link #run} once; it
   * computes a part of every batch, and the weights are the same to the last bit for any number of
   * workers. Where the run begins, a warm start or a checkpoint, and where checkpoints go, is told
   * to the first worker only.
   *
   * @param collective the workers, which the caller closes when the trainer is closed
   * @throws IllegalArgumentException if the batch cannot be shared out to so many
   */
  public static Trainer open(
      Network network,
      DataSplits data,
      TrainingOptions options,
      Kernels kernels,
      MemoryAccount account,
      Collective collective) {
    TrainingOptions own = options.as(collective.rank(), collective.size());
    return new Trainer(network, data, own, kernels, account, collective);
  }

  /** The network in memory. */
  Session session() {
    return session;
  }

  /** The options in effect: what they had left open is chosen. */
  public TrainingOptions options() {
    return options;
  }

  /** How the run was made to fit its memory. */
  public MemoryBudget.Choice choice() {
    return choice;
  }

  /** What computes, for people: which kernels, and what of the network a device has no room for. */
  public String kernelsDescription() {
    return session.kernelsDescription();
  }

  /** Bytes held now; they do not change until the trainer is closed. */
  public long usedBytes() {
    return session.usedBytes();
  }

  /**
   * Copies the network into a predictor, between two steps, with the weights that {@link
   * #saveModel} would write. What happens to the trainer later does not matter to it.
   *
   * @param predictorOptions whose normalization is replaced by this run's
   * @param account pays for the predictor until it is closed
   * @throws dev.nibble.memory.MemoryLimitException if the account has less free than is needed
   */
  public Predictor predictor(PredictorOptions predictorOptions, MemoryAccount account) {
    return session
        .kept()
        .with(
            loop.keptVersion(),
            () ->
                Predictor.of(
                    session.network(),
                    session::values,
                    predictorOptions.withNormalization(info),
                    session.kernels(),
                    account));
  }

  /** What a saved model will say about itself. */
  public ModelInfo info() {
    return info;
  }

  /** Steps of the whole run. */
  public long totalSteps() {
    return loop.totalSteps();
  }

  /** Steps of one epoch. */
  public long stepsPerEpoch() {
    return loop.stepsPerEpoch();
  }

  /**
   * Whether {@link #run} begins with the evaluation of an epoch whose steps are done: after the
   * resume of a run that was ended between the two.
   */
  public boolean beginsWithTest() {
    return loop.untested() != null;
  }

  /** Steps done, those before a resume included. */
  public long done() {
    return loop.done();
  }

  /**
   * Starts from a trained model instead of from random weights. Its head is taken over only if the
   * classes are the same; else it starts anew and everything before it is kept. Unless the options
   * name mean and std, pictures are normalised from now on as for that model ({@link #info}).
   *
   * @param file an ONNX ({@code .onnx}) or safetensors file of the same network, whatever the
   *     number of classes
   * @return what was taken over
   * @throws dev.nibble.engine.exchange.ExchangeException if the file does not fit the network
   * @throws IllegalStateException if steps were done already
   */
  public WarmStart warmStart(Path file) {
    requireFresh();
    if (!OnnxImport.isOnnx(file)) {
      return started(WarmStart.load(file, session.network(), info.classes(), session::values));
    }
    FeatureMap input = session.network().input();
    try (OnnxImport model = OnnxImport.open(file, input.height(), input.width())) {
      return warmStart(model.weights());
    }
  }

  /** As {@link #warmStart(Path)}, from any file that is open. */
  public WarmStart warmStart(WeightSource weights) {
    requireFresh();
    return started(WarmStart.load(weights, session.network(), info.classes(), session::values));
  }

  private void requireFresh() {
    if (loop.done() > 0) {
      throw new IllegalStateException("A warm start comes before the first step");
    }
  }

  private WarmStart started(WarmStart start) {
    Normalization source = start.normalization();
    if (source != null && options.mean() == null) {
      info = info.withNormalization(source.mean(), source.std(), source.ofPicture());
      session.setNormalization(info.mean(), info.std(), info.pictureMean());
    }
    return start;
  }

  /**
   * Writes the model that is kept of the run so far: that of the best epoch with early stopping,
   * else the average of the weights if one is kept, else the weights as they are.
   */
  public void saveModel(Path file) {
    saveModel(file, Map.of());
  }

  /**
   * Writes the model that is kept of the run so far, with entries of your own in its metadata.
   *
   * @throws IllegalArgumentException if a name is taken ({@link ModelInfo})
   */
  public void saveModel(Path file, Map<String, String> metadata) {
    Map<String, String> entries = new LinkedHashMap<>();
    MixedFormats mixed = options.mixed();
    if (mixed != null) {
      entries.put("activations", options.activations());
      entries.put(TrainingOptions.FORMATS, mixed.text());
    }
    entries.putAll(metadata);
    session
        .kept()
        .with(
            loop.keptVersion(),
            () -> {
              ModelFile.save(file, session.network(), session::values, info.withMetadata(entries));
              return file;
            });
  }

  /**
   * Says where checkpoints go; without this there are none.
   *
   * @throws DataException if a picture that a checkpoint is to remember cannot be read
   */
  public void checkpointTo(CheckpointStore store) {
    fingerprint(); // not within the run, where an interrupt would close the pictures' files
    checkpoints = store;
  }

  /**
   * Says where training batches come from; without this a {@link PrefetchingDataLoader} reads the
   * training split. That still says what the classes are, how many steps an epoch has and, unless
   * the options do, how pictures are normalised. A loader that ends early ends the run, which is
   * then as if cancelled. Where a step takes several batches, the loader's steps are batches. An
   * epoch's last batch has what pictures are left.
   *
   * @throws IllegalStateException if the options mix pictures
   */
  public void loadFrom(DataLoader.Factory factory) {
    if (options.mixing().isOn()) {
      throw new IllegalStateException("A loader of your own mixes its pictures by itself");
    }
    loaders = factory;
    customLoader = true;
  }

  private DataLoader prefetching(List<BatchSlot> slots, long startStep, long endStep) {
    return PrefetchingDataLoader.forTraining(
        data.train(),
        options.batch(),
        options.augmentation(),
        options.shuffle(),
        options.seed(),
        slots,
        startStep,
        endStep,
        session.share(),
        options.mixing());
  }

  /**
   * Goes on where a checkpoint left off: weights, the optimiser's state, running statistics, step,
   * and the average and best weights if they are kept, and how pictures are normalised. The order
   * of the data and the crops follow from seed and step. If the run was ended before the evaluation
   * of an epoch whose steps were done, {@link #run} begins with it.
   *
   * @throws dev.nibble.engine.checkpoint.CheckpointException if it is of another network, of a run
   *     with other options, or on other data (classes and their order, the pictures' labels, their
   *     {@linkplain dev.nibble.engine.data.Dataset#identity identities} or some of their pixels),
   *     or if it holds what is not finite: then resume another one
   */
  public void resume(LoadedCheckpoint checkpoint) {
    session.kept().use(Version.TRAINED);
    TrainerCheckpoint.requireData(checkpoint, fingerprint());
    ModelInfo saved = TrainerCheckpoint.info(checkpoint, info, options);
    Untested untested = TrainerCheckpoint.untested(checkpoint);
    loop.resumeAt(
        TrainerCheckpoint.restore(
            checkpoint, session, loop.best(), options.trajectory(loop.totalSteps())),
        untested);
    info = saved;
    session.setNormalization(info.mean(), info.std(), info.pictureMean());
  }

  private Map<String, String> fingerprint() {
    Map<String, String> known = fingerprint;
    if (known == null) {
      known = DataFingerprint.of(data);
      fingerprint = known;
    }
    return known;
  }

  /**
   * Saves a checkpoint of the steps done.
   *
   * @throws DivergedException if something that it would keep is not finite
   * @throws dev.nibble.engine.checkpoint.CheckpointException if it cannot be written
   */
  public Path checkpoint() {
    CheckpointStore store = checkpoints;
    if (store == null) {
      throw new IllegalStateException("No folder for checkpoints was given");
    }
    CheckpointMeta meta = TrainerCheckpoint.meta(session, options, info, fingerprint(), loop);
    return session
        .kept()
        .with(
            Version.TRAINED,
            () -> {
              List<Section> sections = TrainerCheckpoint.sections(session, loop.best());
              TrainerCheckpoint.requireFinite(loop.done(), sections);
              // Before an evaluation, which may show that it is of no use, none is given up for it.
              return loop.untested() == null
                  ? store.save(meta, sections)
                  : store.saveBeside(meta, sections);
            });
  }

  private TrainingLoop.Saver saver(CheckpointStore store) {
    return Savers.first(session, this::checkpoint, store, saved);
  }

  /** Makes sure that all workers mean the same run, and begins it where the first one stands. */
  private boolean agree(Collective all) {
    try (Agreement agreement = new Agreement(all)) {
      agreement.compare(TrainerCheckpoint.description(session, options, fingerprint(), loop));
      boolean first = all.rank() == 0;
      Map<String, String> words =
          agreement.first(
              first ? TrainerCheckpoint.start(info, loop, checkpoints != null) : Map.of());
      session.kept().use(Version.TRAINED);
      List<MemorySegment> state =
          TrainerCheckpoint.sections(session, loop.best()).stream()
              .map(Section::data)
              .filter(MemorySegment::isNative)
              .toList();
      agreement.broadcast(state);
      if (!first) {
        info = TrainerCheckpoint.follow(words, session, info, loop);
        session.setNormalization(info.mean(), info.std(), info.pictureMean());
      }
      saved = all.barrier("the checkpoint");
      return TrainerCheckpoint.isSaved(words);
    }
  }

  private TrainingResult runShared(TrainingListener listener, Collective all) {
    if (customLoader) {
      throw new IllegalStateException("Workers that share batches read the training split");
    }
    if (agreed) {
      throw new IllegalStateException("A run that workers share is run once");
    }
    agreed = true;
    try {
      boolean saves = agree(all);
      CheckpointStore store = checkpoints;
      TrainingLoop.Saver saver = store == null ? Savers.follower(session, saved) : saver(store);
      return loop.run(listener, loaders, saves ? saver : null);
    } catch (CollectiveException e) {
      throw e; // all know, or find out as this one did
    } catch (RuntimeException | Error e) {
      String message = e.getMessage();
      all.fail(message == null ? e.toString() : message);
      throw e;
    }
  }

  /**
   * Asks the run to stop after the step at hand, or in the middle of an evaluation (with early
   * stopping, after it); any thread may call it.
   */
  public void cancel() {
    loop.cancel();
  }

  /**
   * Trains to the end, until early stopping, or until {@link #cancel} or an interrupt of this
   * thread, which it then still is. The session then computes with the weights that {@link
   * #saveModel} writes.
   *
   * <p>Where checkpoints are saved, whatever ends the run between two steps, such as a picture that
   * cannot be read, costs no step: the last one is saved before it is thrown.
   *
   * @throws DivergedException if a loss, a norm to clip, or what a step leaves is not finite;
   *     checkpoints already saved stay
   * @throws dev.nibble.engine.collective.CollectiveException if another worker of a shared run
   *     fails
   * @throws dev.nibble.kernels.DeviceException if the kernels' device fails: close the trainer, and
   *     go on from the last checkpoint in another, with other kernels if need be
   */
  public TrainingResult run(TrainingListener listener) {
    Collective all = collective;
    if (all != null) {
      return runShared(listener, all);
    }
    CheckpointStore store = checkpoints;
    return loop.run(listener, loaders, store == null ? null : saver(store));
  }

  /** Frees everything; the data set stays open. */
  @Override
  public void close() {
    session.close();
  }
}
