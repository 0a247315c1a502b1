package dev.nibble.engine.train;

import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.checkpoint.LoadedCheckpoint;
import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.CollectiveException;
import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.loading.BatchSlot;
import dev.nibble.engine.data.loading.DataLoader;
import dev.nibble.engine.data.loading.PrefetchingDataLoader;
import dev.nibble.engine.exchange.onnx.OnnxImport;
import dev.nibble.engine.exec.Initializer;
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
  private final MemoryBudget.Choice choice;
  private final TrainingOptions options;
  private final Session session;
  private final TrainingLoop loop;
  private final RunPosition position;
  private final RunState state;
  private final @Nullable Collective collective;
  private DataLoader.Factory loaders = this::prefetching;
  private boolean customLoader;
  private boolean agreed;

  private Trainer(
      DataSplits data,
      MemoryBudget.Choice choice,
      MemoryAccount account,
      @Nullable Collective collective) {
    TrainingPlan plan = choice.plan();
    DataFit.check(plan.network(), data);
    this.data = data;
    this.choice = choice;
    this.options = plan.options();
    this.collective = collective == null || collective.size() == 1 ? null : collective;
    this.session =
        Session.open(
            plan.execution(),
            TrainingPlan.sessionOptions(options).with(this.collective),
            plan.kernels(),
            account);
    try {
      this.loop = new TrainingLoop(session, data, options);
      this.position = loop.position();
      this.state = new RunState(session, data, options, position);
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
    TrainingOptions alone = options.as(0, 1);
    return open(
        data, MemoryBudget.choose(network, data, alone, kernels, account.available()), account);
  }

  /**
   * Allocates a training run that was chosen before ({@link MemoryBudget#choose(Network,
   * DataSplits, TrainingOptions, Kernels, long)}), with freshly initialised weights.
   *
   * @param data that for which it was chosen
   * @param account what its memory is taken from
   * @throws IllegalArgumentException if it was chosen for one of several workers
   * @throws dev.nibble.memory.MemoryLimitException if the account has less free than is needed
   * @throws dev.nibble.kernels.DeviceException if the kernels' device refuses something
   */
  public static Trainer open(DataSplits data, MemoryBudget.Choice choice, MemoryAccount account) {
    return new Trainer(data, choice, account, null);
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
    MemoryBudget.Choice choice =
        MemoryBudget.choose(network, data, own, kernels, account.available());
    return open(data, choice, account, collective);
  }

  /**
   * Allocates one worker's part of a run that was chosen before, with the options of that worker.
   *
   * @param collective the workers, which the caller closes when the trainer is closed
   * @throws IllegalArgumentException if it was chosen for other workers
   */
  public static Trainer open(
      DataSplits data, MemoryBudget.Choice choice, MemoryAccount account, Collective collective) {
    return new Trainer(data, choice, account, collective);
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
                    predictorOptions.withNormalization(state.info()),
                    session.kernels(),
                    account));
  }

  /** What a saved model will say about itself. */
  public ModelInfo info() {
    return state.info();
  }

  /** Steps of the whole run. */
  public long totalSteps() {
    return position.totalSteps();
  }

  /** Steps of one epoch. */
  public long stepsPerEpoch() {
    return position.stepsPerEpoch();
  }

  /**
   * Whether {@link #run} begins with the evaluation of an epoch whose steps are done: after the
   * resume of a run that was ended between the two.
   */
  public boolean beginsWithTest() {
    return position.untested() != null;
  }

  /** Steps done, those before a resume included. */
  public long done() {
    return position.done();
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
      return started(WarmStart.load(file, session.network(), info().classes(), session::values));
    }
    FeatureMap input = session.network().input();
    try (OnnxImport model = OnnxImport.open(file, input.height(), input.width())) {
      return warmStart(model.weights());
    }
  }

  /** As {@link #warmStart(Path)}, from any file that is open. */
  public WarmStart warmStart(WeightSource weights) {
    requireFresh();
    return started(WarmStart.load(weights, session.network(), info().classes(), session::values));
  }

  private void requireFresh() {
    if (position.done() > 0) {
      throw new IllegalStateException("A warm start comes before the first step");
    }
  }

  private WarmStart started(WarmStart start) {
    Normalization source = start.normalization();
    if (source != null && options.mean() == null) {
      state.normalize(info().withNormalization(source.mean(), source.std(), source.ofPicture()));
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
              ModelFile.save(
                  file, session.network(), session::values, info().withMetadata(entries));
              return file;
            });
  }

  /**
   * Says where checkpoints go; without this there are none.
   *
   * @throws DataException if a picture that a checkpoint is to remember cannot be read
   */
  public void checkpointTo(CheckpointStore store) {
    state.saveTo(store);
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
    state.resume(checkpoint);
  }

  /**
   * Saves a checkpoint of the steps done.
   *
   * @throws DivergedException if something that it would keep is not finite
   * @throws dev.nibble.engine.checkpoint.CheckpointException if it cannot be written
   */
  public Path checkpoint() {
    return state.save();
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
      return loop.run(listener, loaders, state.agree(all));
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
    return loop.run(listener, loaders, state.saver());
  }

  /** Frees everything; the data set stays open. */
  @Override
  public void close() {
    session.close();
  }
}
