package dev.nibble.samples.serve;

import dev.nibble.engine.infer.PredictionListener;
import dev.nibble.engine.json.JsonValue;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
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
  private final int keep;
  private final int threads;
  private final Kernels kernels;
  private final MemoryAccount account;
  private final PredictionListener predictions;
  private final AtomicReference<@Nullable Serving> current = new AtomicReference<>();

  /** Sound versions, oldest first. Guarded by this object, as is every change. */
  private final List<Version> versions;

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
   */
  ModelRegistry(
      ModelFolder folder,
      int keep,
      int threads,
      Kernels kernels,
      MemoryAccount account,
      PredictionListener predictions,
      Consumer<String> log) {
    this.folder = folder;
    this.keep = keep;
    this.threads = threads;
    this.kernels = kernels;
    this.account = account;
    this.predictions = predictions;
    this.versions = folder.list(log);
    ModelFolder.delete(folder.candidate());
    Version start = start(log);
    if (start != null) {
      swap(open(folder.model(start.number()), start.number()));
    }
  }

  private @Nullable Version start(Consumer<String> log) {
    if (versions.isEmpty()) {
      return null;
    }
    Long named = folder.current(log);
    Version found = named == null ? null : find(named);
    if (named != null && found == null) {
      log.accept("Version %d is gone: the newest sound one serves.".formatted(named));
    }
    return found != null ? found : versions.getLast();
  }

  private @Nullable Version find(long number) {
    for (Version version : versions) {
      if (version.number() == number) {
        return version;
      }
    }
    return null;
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

  /** The number that the next version will have. */
  synchronized long nextNumber() {
    return versions.isEmpty() ? 1 : versions.getLast().number() + 1;
  }

  /**
   * Makes a version of a model that was trained from {@code parent}, and lets it serve.
   *
   * @param candidate its file, which is moved
   * @param serving the same model in memory, opened under {@link #nextNumber}; held from here on by
   *     the registry, unless this fails
   * @return false, and nothing was done, if another version than {@code parent} serves by now
   * @throws IOException if the disk did not take it: all is as before
   */
  boolean accept(
      Path candidate, Serving serving, @Nullable Long parent, double accuracy, long examples)
      throws IOException {
    JsonObject seen;
    synchronized (this) {
      Long now = version();
      if (now == null ? parent != null : !now.equals(parent)) {
        return false;
      }
      Instant created = Instant.now().truncatedTo(ChronoUnit.SECONDS);
      long crc = ModelFolder.crc(candidate);
      Version version = new Version(serving.version(), parent, accuracy, created, examples, crc);
      folder.add(candidate, version);
      try {
        folder.setCurrent(version.number());
      } catch (IOException e) {
        folder.remove(version.number());
        throw e;
      }
      versions.add(version);
      swap(serving);
      prune();
      seen = toJson();
    }
    listener.accept(seen);
    return true;
  }

  /**
   * Takes a model from elsewhere as the first version.
   *
   * @throws ServiceException if it cannot be copied
   * @throws dev.nibble.engine.exchange.ExchangeException if it is no model
   */
  void importFirst(Path weights, FeatureMap input) {
    FeatureMap reads = ModelFile.info(weights).input();
    if (!reads.equals(input)) {
      throw new ServiceException(
          "%s reads pictures of %s, but those of the data are %s: choose the data it was made for."
              .formatted(weights, reads, input));
    }
    try {
      Files.copy(weights, candidate(), StandardCopyOption.REPLACE_EXISTING);
      try (FileChannel copy = FileChannel.open(candidate(), StandardOpenOption.WRITE)) {
        copy.force(true);
      }
      Serving serving = open(candidate(), nextNumber());
      boolean done = false;
      try {
        done = accept(candidate(), serving, null, Double.NaN, 0);
      } finally {
        if (!done) {
          serving.release();
        }
      }
    } catch (IOException e) {
      throw ServiceException.file("copy", weights, e);
    } finally {
      ModelFolder.delete(candidate());
    }
  }

  /**
   * Lets the version serve from which the current one was trained, or the next older one.
   *
   * @throws HttpProblem if there is none
   * @throws IOException if the disk did not take it: all is as before
   */
  JsonObject rollback() throws IOException {
    JsonObject seen;
    synchronized (this) {
      Version target = older();
      if (target == null) {
        throw new HttpProblem(
            HttpProblem.CONFLICT, "There is no older version to go back to: retrain instead.");
      }
      Serving serving = open(folder.model(target.number()), target.number());
      boolean done = false;
      try {
        serving.warmUp(WARM_UP);
        folder.setCurrent(target.number());
        swap(serving);
        done = true;
      } finally {
        if (!done) {
          serving.release();
        }
      }
      seen = toJson();
    }
    listener.accept(seen);
    return seen;
  }

  private @Nullable Version older() {
    Long now = version();
    Version version = now == null ? null : find(now);
    if (version == null) {
      return null;
    }
    Long parent = version.parent();
    Version found = parent == null ? null : find(parent);
    if (found != null) {
      return found;
    }
    Version older = null;
    for (Version each : versions) {
      older = each.number() < version.number() ? each : older;
    }
    return older;
  }

  private void swap(Serving next) {
    if (begun) {
      next.predictor().addListener(predictions);
    }
    Serving before = current.getAndSet(next);
    if (before != null) {
      before.release();
    }
  }

  /** Removes the oldest versions, but never the current one nor what it goes back to. */
  private void prune() {
    Version older = older();
    Long now = version();
    List<Version> removable = new ArrayList<>(versions);
    removable.removeIf(
        v -> (now != null && v.number() == now) || (older != null && v.number() == older.number()));
    while (versions.size() > keep && !removable.isEmpty()) {
      Version oldest = removable.removeFirst();
      folder.remove(oldest.number());
      versions.remove(oldest);
    }
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
    List<JsonValue> list = new ArrayList<>();
    for (Version version : versions.reversed()) {
      list.add(version.toJson(serving != null && serving.version() == version.number()));
    }
    return builder.put("versions", JsonValue.array(list)).build();
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
