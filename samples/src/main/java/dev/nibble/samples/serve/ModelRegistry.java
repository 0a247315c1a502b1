package dev.nibble.samples.serve;

import dev.nibble.engine.infer.PredictionListener;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The versions of the model: on the disk the last few, in memory the current one. A change is on
 * the disk before it is seen.
 */
final class ModelRegistry implements AutoCloseable {
  private static final int WARM_UP = 8;
  private static final int FIRST_WARM_UP = 300;

  private final ModelFolder folder;
  private final int threads;
  private final Kernels kernels;
  private final MemoryAccount account;
  private final PredictionListener predictions;
  private final ServiceLog events;
  private final AtomicReference<@Nullable Serving> current = new AtomicReference<>();

  /** Guarded by this object, as is every change. */
  private final Versions versions;

  private Consumer<JsonObject> listener = json -> {};
  private List<String> classes = List.of();
  private @Nullable FeatureMap input;

  /** Whether requests may come, so that predictions are theirs. */
  private boolean begun;

  /**
   * Reads the versions on the disk and loads the current one, if there is one.
   *
   * @param keep versions that stay on the disk
   * @param threads threads that compute predictions
   * @param account what predictors are paid from
   * @param predictions hears of every prediction of the current model from {@link #begin} on
   * @param log hears of versions that are not sound
   * @param events hears which version serves
   */
  ModelRegistry(
      ModelFolder folder,
      int keep,
      int threads,
      Kernels kernels,
      MemoryAccount account,
      PredictionListener predictions,
      Consumer<String> log,
      ServiceLog events) {
    this.folder = folder;
    this.threads = threads;
    this.kernels = kernels;
    this.account = account;
    this.predictions = predictions;
    this.events = events;
    this.versions = new Versions(folder, keep, log);
    Version start = versions.start(log);
    if (start != null) {
      current.set(open(folder.model(start.number()), start.number()));
    }
  }

  /**
   * What must be known before the first request. A model that is there is made warm.
   *
   * @param ofData classes of the data, which are told before there is a model
   * @param ofPicture shape of a picture
   * @param heard hears of every change, with the model object
   */
  synchronized void begin(List<String> ofData, FeatureMap ofPicture, Consumer<JsonObject> heard) {
    classes = ofData;
    input = ofPicture;
    listener = heard;
    Serving serving = current.get();
    if (serving != null) {
      serving.warmUp(FIRST_WARM_UP);
      serving.predictor().addListener(predictions);
    }
    begun = true;
  }

  /** Loads a model as one that could serve; the caller holds it. */
  Serving open(Path model, long version) {
    return Serving.open(model, version, threads, kernels, account);
  }

  /** What serves now, held until it is released; null before the first version. */
  @Nullable Serving hold() {
    while (true) {
      Serving serving = current.get();
      if (serving == null || serving.tryHold()) {
        return serving;
      }
      // It was replaced, and closed, between the two: its successor is there already.
    }
  }

  /** The number of the current version, or null. */
  @Nullable Long version() {
    Serving serving = current.get();
    return serving == null ? null : serving.version();
  }

  /** What the current model says about itself, or null. */
  @Nullable ModelInfo info() {
    Serving serving = current.get();
    return serving == null ? null : serving.info();
  }

  /** The file of a version. */
  Path model(long version) {
    return folder.model(version);
  }

  /** Where a model may be written that is not a version yet. */
  Path candidate() {
    return folder.candidate();
  }

  /** Where a model may be written for a client. */
  Path download() {
    return folder.download();
  }

  /** The number that the next version will have. */
  synchronized long nextNumber() {
    return versions.nextNumber();
  }

  /**
   * Makes a version of a model that was trained from {@code parent}, and lets it serve.
   *
   * @param candidate its file, which is moved
   * @param serving the same model in memory, opened under {@link #nextNumber}; held from here on by
   *     the registry, unless this fails or returns false
   * @param scores how it did on the held-out pictures, or null if that is not known yet
   * @return false, and nothing was done, if another version than {@code parent} serves by now
   * @throws IOException if the disk did not take it: all is as before
   */
  boolean accept(
      Path candidate,
      Serving serving,
      @Nullable Long parent,
      @Nullable Scores scores,
      long examples)
      throws IOException {
    synchronized (this) {
      Long now = version();
      if (now == null ? parent != null : !now.equals(parent)) {
        return false;
      }
      Instant created = Instant.now().truncatedTo(ChronoUnit.SECONDS);
      long crc = ModelFolder.crc(candidate);
      Version version =
          new Version(
              serving.version(),
              parent,
              scores == null ? Double.NaN : scores.accuracy(),
              created,
              examples,
              crc,
              scores);
      listen(serving);
      versions.add(candidate, version);
      swap(serving);
    }
    tell();
    return true;
  }

  /**
   * Lets the version serve from which the current one was trained, or the next older one.
   *
   * @throws HttpProblem if there is none
   * @throws IOException if the disk did not take it: all is as before
   */
  JsonObject rollback() throws IOException {
    synchronized (this) {
      Version target = versions.before(version());
      if (target == null) {
        throw new HttpProblem(
            HttpProblem.CONFLICT, "There is no older version to go back to: retrain instead.");
      }
      change(target);
    }
    tell();
    return toJson();
  }

  /**
   * Lets a version serve that is kept.
   *
   * @throws HttpProblem if there is none of that number
   * @throws IOException if the disk did not take it: all is as before
   */
  JsonObject activate(long number) throws IOException {
    synchronized (this) {
      Version target = get(number);
      Long now = version();
      if (now != null && now == number) {
        return toJson();
      }
      change(target);
    }
    tell();
    return toJson();
  }

  private void change(Version target) throws IOException {
    Serving serving = open(folder.model(target.number()), target.number());
    boolean done = false;
    try {
      serving.warmUp(WARM_UP);
      listen(serving);
      versions.choose(target);
      done = true;
    } finally {
      if (!done) {
        serving.release();
      }
    }
    swap(serving);
  }

  /**
   * What is known of a version.
   *
   * @throws HttpProblem if there is none of that number
   */
  synchronized Version get(long number) {
    return versions.get(number);
  }

  /**
   * Keeps how a version did on the held-out pictures, where it is still there.
   *
   * @throws IOException if the disk did not take it: all is as before
   */
  void measured(long number, Scores scores) throws IOException {
    synchronized (this) {
      if (!versions.measured(number, scores)) {
        return;
      }
    }
    tell();
  }

  private void listen(Serving next) {
    if (begun) {
      next.predictor().addListener(predictions);
    }
  }

  /**
   * From here on the registry holds the next one, and its callers must not let go of it: whatever
   * fails afterwards is told to the log alone, for the change itself is done.
   */
  private void swap(Serving next) {
    Serving before = current.getAndSet(next);
    afterwards(
        () -> {
          if (before != null) {
            before.release();
          }
        });
    afterwards(() -> versions.prune(version()));
    afterwards(() -> events.say("Version " + next.version() + " serves."));
  }

  /** Tells of a change that is done. */
  private void tell() {
    afterwards(() -> listener.accept(toJson()));
  }

  private static void afterwards(Runnable action) {
    try {
      action.run();
    } catch (RuntimeException | Error e) {
      System.getLogger(ModelRegistry.class.getName())
          .log(System.Logger.Level.ERROR, "The version has changed, but what follows failed", e);
    }
  }

  /** The names of the classes that are known: the current model's and the data's. */
  synchronized List<String> knownClasses() {
    List<String> names = new ArrayList<>(classes);
    Serving serving = current.get();
    if (serving != null) {
      names.addAll(serving.info().classes());
    }
    return names;
  }

  /** The model object: the current version, its classes and input, all versions, newest first. */
  synchronized JsonObject toJson() {
    Serving serving = current.get();
    JsonObject.Builder builder = JsonObject.builder();
    builder.put("current", serving == null ? Json.NULL : JsonValue.of(serving.version()));
    List<String> names = serving == null ? classes : serving.info().classes();
    builder.put("classes", JsonValue.array(names.stream().map(JsonValue::of).toList()));
    FeatureMap shape = serving == null ? input : serving.info().input();
    builder.put("input", shape == null ? Json.NULL : shape(shape));
    List<JsonValue> list = versions.toJson(serving == null ? null : serving.version());
    return builder.put("versions", JsonValue.array(list)).build();
  }

  /**
   * All that is known of one version.
   *
   * @throws HttpProblem if there is none of that number
   */
  synchronized JsonObject toJson(long number) {
    Long now = version();
    return get(number).toWholeJson(now != null && now == number);
  }

  private static JsonObject shape(FeatureMap input) {
    return JsonObject.builder()
        .put("height", input.height())
        .put("width", input.width())
        .put("channels", input.channels())
        .build();
  }

  /** Lets go of the current model. */
  @Override
  public void close() {
    Serving last = current.getAndSet(null);
    if (last != null) {
      last.release();
    }
  }
}
