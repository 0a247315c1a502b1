package dev.nibble.engine.infer;

import dev.nibble.engine.events.PredictionEvent;
import dev.nibble.engine.events.Recording;
import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exec.OpenKernels;
import dev.nibble.engine.exec.Resources;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.engine.network.FiniteValues;
import dev.nibble.engine.network.FoldedWeights;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.Parameter;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.Slab;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/**
 * A trained network, ready to classify: a copy of its weights with batch norm folded into them,
 * packed for the kernels.
 *
 * <p>Any number of threads may call at the same time, each with 1 to {@value #MOST_PICTURES}
 * pictures. A call computes on the calling thread; {@link PredictorOptions#threads} bounds how many
 * threads compute at one time, and helpers take pictures of large calls while there are fewer. A
 * picture's logits are the same to the last bit whatever is computed beside it, with kernels on the
 * CPU; a GPU's library may choose another product, which rounds differently, for another number of
 * pictures. A call allocates nothing.
 *
 * <p>Pictures are N,H,W,C, logits N,classes. A memory segment may lie anywhere, on the heap too;
 * one of a confined arena is touched by the calling thread alone.
 */
public final class Predictor implements AutoCloseable {
  /** The most pictures of one call. */
  public static final int MOST_PICTURES = 1024;

  private final String name;
  private final FeatureMap input;
  private final int classes;
  private final PredictorOptions options;
  private final MemoryAccount account;
  private final Resources resources = new Resources();
  private final ContextPool contexts;
  private final int atOnce;
  private final Object closing = new Object();

  /** Replaced as a whole, so that a call reads one field and takes no lock. */
  private volatile PredictionListener[] listeners = {};

  private Predictor(
      Network network,
      Function<Parameter, MemorySegment> values,
      PredictorOptions options,
      Kernels kernels,
      MemoryAccount parent) {
    this.name = network.name();
    this.input = network.input();
    this.classes = network.classes();
    this.options = options;
    checkChannels(options, input);
    // Before it is folded: by an infinite variance, everything becomes a finite zero.
    checkFinite("The network's ", network.parameters(), values);
    int count = options.threads();
    InferencePlan plan = InferencePlan.of(network, options.picturesAtOnce(), count, kernels);
    this.atOnce = plan.picturesAtOnce();
    this.account = parent.child("predictor " + name, MemoryAccount.UNLIMITED);
    resources.add(account::close);
    try {
      PredictorMemory memory = new PredictorMemory(plan, account);
      resources.add(memory::close);
      OpenKernels opened =
          OpenKernels.open(plan.kernels(), plan.workload(), memory.segment(), account);
      resources.add(opened::close);
      new FoldedWeights(network, plan.folded(), values).write(memory::parameter);
      // Finite values may fold into others.
      checkFinite(
          "With batch norm folded in, ", plan.folded().network().parameters(), memory::parameter);
      memory.fillTables(opened.kernels());
      InferenceContext[] all = new InferenceContext[count];
      for (int i = 0; i < count; i++) {
        all[i] = new InferenceContext(plan, memory, i, opened.kernels(), options);
      }
      all[0].pack();
      this.contexts = new ContextPool(all, atOnce, plan);
      resources.add(contexts::close);
    } catch (RuntimeException | Error e) {
      resources.closeAfter(e);
      throw e;
    }
  }

  /**
   * Copies a network's values; what happens to them later does not matter to the predictor.
   *
   * @param values each parameter's values in memory order ({@link Parameter#memoryIndex}), running
   *     statistics included
   * @param parent pays for the predictor until it is closed
   * @throws dev.nibble.memory.MemoryLimitException if the account has less free than is needed
   * @throws dev.nibble.kernels.DeviceException if the kernels' device refuses something
   * @throws IllegalArgumentException if mean and std do not fit the network's channels, or the
   *     network's values are not finite, as after a training that diverged
   */
  public static Predictor of(
      Network network,
      Function<Parameter, MemorySegment> values,
      PredictorOptions options,
      Kernels kernels,
      MemoryAccount parent) {
    return new Predictor(network, values, options, kernels, parent);
  }

  /**
   * Reads a saved model, and how its pictures are normalised.
   *
   * @param options whose normalization is replaced by the model's
   * @throws dev.nibble.engine.exchange.ExchangeException if the file holds no such model, or one
   *     whose values are not finite, as after a training that diverged
   * @throws dev.nibble.memory.MemoryLimitException if the account has less free than is needed
   */
  public static Predictor open(
      Path model, PredictorOptions options, Kernels kernels, MemoryAccount parent) {
    ModelInfo info = ModelFile.info(model);
    Network network = info.network();
    long weightBytes = Slab.sizeFor(4L * network.weightValues());
    long stateBytes = 4L * network.stateValues();
    try (Slab slab = Slab.allocate(parent, weightBytes + stateBytes, "weights as trained")) {
      Function<Parameter, MemorySegment> values =
          parameter -> {
            long base = parameter.kind().trainable() ? 0 : weightBytes;
            long offset = base + 4L * parameter.offset();
            return slab.segment().asSlice(offset, 4L * parameter.size());
          };
      ModelFile.load(model, network, values);
      try {
        return of(network, values, options.withNormalization(info), kernels, parent);
      } catch (IllegalArgumentException e) {
        throw new ExchangeException(model + " is of no use: " + e.getMessage() + ".", e);
      }
    }
  }

  private static void checkFinite(
      String place, List<Parameter> parameters, Function<Parameter, MemorySegment> values) {
    String fault = FiniteValues.fault(parameters, values);
    if (fault != null) {
      throw new IllegalArgumentException(place + fault + ", as after a training that diverged");
    }
  }

  private static void checkChannels(PredictorOptions options, FeatureMap input) {
    float[] mean = options.mean();
    if (mean != null && mean.length != input.channels()) {
      throw new IllegalArgumentException(
          "Mean and std need a value for each of the " + input.channels() + " channels");
    }
  }

  /** Lets a listener hear of every call that ends well from now on. */
  public void addListener(PredictionListener listener) {
    Objects.requireNonNull(listener, "listener");
    synchronized (closing) {
      int count = listeners.length;
      PredictionListener[] more = Arrays.copyOf(listeners, count + 1);
      more[count] = listener;
      listeners = more;
    }
  }

  /** Shape of a picture. */
  public FeatureMap input() {
    return input;
  }

  /** Logits of a picture. */
  public int classes() {
    return classes;
  }

  /** How it runs. */
  public PredictorOptions options() {
    return options;
  }

  /** Pictures that a thread takes through the network together. */
  public int picturesAtOnce() {
    return atOnce;
  }

  /** Bytes held now: weights, packed weights, and each thread's activations and scratch. */
  public long usedBytes() {
    return account.used();
  }

  /**
   * Classifies normalised pictures.
   *
   * @param pictures fp32, normalised as in training
   * @param count pictures, 1 to {@value #MOST_PICTURES}
   * @param logits fp32, of which {@code count * classes} are written
   * @throws IllegalArgumentException if the count or a segment's size does not fit
   * @throws IllegalStateException if the predictor is closed
   */
  public void predict(MemorySegment pictures, int count, MemorySegment logits) {
    checkCount(count);
    checkSize("pictures", pictures.byteSize(), 4L * count * input.values(), "bytes");
    checkLogits(logits, count);
    long start = startOfHeard();
    Call call = contexts.begin();
    try {
      call.fromSegment(pictures, false, count, logits);
      run(call);
    } finally {
      contexts.end(call);
    }
    tell(count, start);
  }

  /** Classifies normalised pictures; as {@link #predict(MemorySegment, int, MemorySegment)}. */
  public void predict(float[] pictures, int count, float[] logits) {
    checkCount(count);
    checkSize("pictures", pictures.length, (long) count * input.values(), "values");
    checkSize("logits", logits.length, (long) count * classes, "values");
    long start = startOfHeard();
    Call call = contexts.begin();
    try {
      call.fromFloats(pictures, count, logits);
      run(call);
    } finally {
      contexts.end(call);
    }
    tell(count, start);
  }

  /**
   * Classifies pictures as data sets hold them: {@code (byte / 255 - mean) / std} is computed here.
   *
   * @param pictures unsigned bytes
   * @param count pictures, 1 to {@value #MOST_PICTURES}
   * @param logits fp32, of which {@code count * classes} are written
   * @throws IllegalArgumentException if the count or a segment's size does not fit
   * @throws IllegalStateException if the predictor is closed, or was not told mean and std
   */
  public void predictBytes(MemorySegment pictures, int count, MemorySegment logits) {
    checkCount(count);
    checkNormalizes();
    checkSize("pictures", pictures.byteSize(), (long) count * input.values(), "bytes");
    checkLogits(logits, count);
    long start = startOfHeard();
    Call call = contexts.begin();
    try {
      call.fromSegment(pictures, true, count, logits);
      run(call);
    } finally {
      contexts.end(call);
    }
    tell(count, start);
  }

  /** Classifies bytes; as {@link #predictBytes(MemorySegment, int, MemorySegment)}. */
  public void predictBytes(byte[] pictures, int count, float[] logits) {
    checkCount(count);
    checkNormalizes();
    checkSize("pictures", pictures.length, (long) count * input.values(), "bytes");
    checkSize("logits", logits.length, (long) count * classes, "values");
    long start = startOfHeard();
    Call call = contexts.begin();
    try {
      call.fromBytes(pictures, count, logits);
      run(call);
    } finally {
      contexts.end(call);
    }
    tell(count, start);
  }

  private void run(Call call) {
    if (!Recording.isPossible()) {
      contexts.run(call);
      return;
    }
    PredictionEvent event = call.event();
    if (!event.isEnabled()) {
      contexts.run(call);
      return;
    }
    event.begin();
    contexts.run(call);
    event.end();
    if (event.shouldCommit()) {
      event.call(name, call.count, call.pictureBytes());
      event.commit();
    }
  }

  private long startOfHeard() {
    return listeners.length == 0 ? 0 : System.nanoTime();
  }

  /** After the call's end, so that a listener may close the predictor. */
  private void tell(int pictures, long start) {
    PredictionListener[] heardBy = listeners;
    if (heardBy.length == 0 || start == 0) {
      return;
    }
    long nanoseconds = System.nanoTime() - start;
    for (PredictionListener listener : heardBy) {
      listener.onPrediction(pictures, nanoseconds);
    }
  }

  private static void checkCount(int count) {
    if (count < 1 || count > MOST_PICTURES) {
      throw new IllegalArgumentException(
          "A call takes 1 to " + MOST_PICTURES + " pictures, not " + count + ": split the batch.");
    }
  }

  private void checkNormalizes() {
    if (!options.normalizes()) {
      throw new IllegalStateException(
          "This predictor does not know mean and std: give them with"
              + " PredictorOptions.withNormalization, or pass normalised pictures to predict.");
    }
  }

  private void checkLogits(MemorySegment logits, int count) {
    checkSize("logits", logits.byteSize(), 4L * count * classes, "bytes");
    if (logits.isReadOnly()) {
      throw new IllegalArgumentException("The logits' segment is read-only: pass a writable one.");
    }
  }

  private static void checkSize(String what, long size, long needed, String unit) {
    if (size < needed) {
      throw new IllegalArgumentException(
          "The %s hold %d %s, but the call needs %d.".formatted(what, size, unit, needed));
    }
  }

  /**
   * Waits for the calls under way, then frees everything; later calls throw.
   *
   * @throws dev.nibble.kernels.DeviceException if the kernels' device refuses to free something;
   *     everything else is freed all the same
   */
  @Override
  public void close() {
    synchronized (closing) {
      resources.close();
    }
  }
}
