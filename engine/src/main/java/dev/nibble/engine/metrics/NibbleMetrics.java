package dev.nibble.engine.metrics;

import dev.nibble.engine.infer.PredictionListener;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingRun;
import dev.nibble.memory.MemoryAccount;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.BaseUnits;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ToDoubleFunction;

/**
 * Trainings, predictions and memory as meters. Bound to a registry, given to {@code Trainer.run}
 * (beside others with {@link TrainingListener#all}) and to {@code Predictor.addListener}; one may
 * serve any number of registries, trainings one after another, and predictors at once. A registry
 * keeps what is bound to it.
 *
 * <p>Gauges of what has not happened yet are NaN.
 *
 * <table>
 * <caption>Meters</caption>
 * <tr><th>name</th><th>kind</th><th>what</th></tr>
 * <tr><td>{@code nibble.training.steps}</td><td>counter</td><td>steps trained</td></tr>
 * <tr><td>{@code nibble.training.images}</td><td>counter</td><td>pictures trained on</td></tr>
 * <tr><td>{@code nibble.training.epochs}</td><td>counter</td><td>epochs ended</td></tr>
 * <tr><td>{@code nibble.training.checkpoints}</td><td>counter</td><td>checkpoints saved</td></tr>
 * <tr><td>{@code nibble.training.loss}</td><td>gauge</td><td>last batch's mean loss</td></tr>
 * <tr><td>{@code nibble.training.accuracy}</td><td>gauge</td><td>last batch's, 0 to 1</td></tr>
 * <tr><td>{@code nibble.training.learning.rate}</td><td>gauge</td><td>last step's</td></tr>
 * <tr><td>{@code nibble.training.images.per.second}</td><td>gauge</td><td>last step's</td></tr>
 * <tr><td>{@code nibble.evaluations}</td><td>counter</td><td>evaluations on test pictures</td></tr>
 * <tr><td>{@code nibble.evaluation.loss}</td><td>gauge</td><td>last evaluation's</td></tr>
 * <tr><td>{@code nibble.evaluation.accuracy}</td><td>gauge</td><td>last one's, 0 to 1</td></tr>
 * <tr><td>{@code nibble.memory.used}</td><td>gauge</td><td>bytes held of the account</td></tr>
 * <tr><td>{@code nibble.memory.peak}</td><td>gauge</td><td>most bytes ever held of it</td></tr>
 * <tr><td>{@code nibble.memory.limit}</td><td>gauge</td><td>its limit; infinite if none</td></tr>
 * <tr><td>{@code nibble.memory.planned}</td><td>gauge</td><td>bytes the last training planned</td></tr>
 * <tr><td>{@code nibble.predictions}</td><td>timer</td><td>calls and their latency</td></tr>
 * <tr><td>{@code nibble.predictions.images}</td><td>counter</td><td>pictures classified</td></tr>
 * </table>
 */
@SuppressWarnings("exports") // a module that uses this class requires micrometer.core itself
public final class NibbleMetrics implements MeterBinder, TrainingListener, PredictionListener {
  private static final String IMAGES = "images";

  private final MemoryAccount account;
  private final Iterable<Tag> tags;
  private final LongAdder steps = new LongAdder();
  private final LongAdder trainedImages = new LongAdder();
  private final LongAdder epochs = new LongAdder();
  private final LongAdder checkpoints = new LongAdder();
  private final LongAdder predictedImages = new LongAdder();
  private volatile double loss = Double.NaN;
  private volatile double accuracy = Double.NaN;
  private volatile double rate = Double.NaN;
  private volatile double imagesPerSecond = Double.NaN;
  private volatile double testLoss = Double.NaN;
  private volatile double testAccuracy = Double.NaN;
  private volatile double planned = Double.NaN;
  private volatile int batch;

  /** A timer for each registry; replaced as a whole. */
  private volatile Timer[] timers = {};

  /** Meters without tags of their own; {@code account} is the one whose bytes are shown. */
  public NibbleMetrics(MemoryAccount account) {
    this(account, Tags.empty());
  }

  /** Meters that all carry some tags, such as the model's name. */
  public NibbleMetrics(MemoryAccount account, Iterable<Tag> tags) {
    this.account = account;
    this.tags = Tags.of(tags);
  }

  @Override
  public synchronized void bindTo(MeterRegistry registry) {
    counter(registry, "nibble.training.steps", steps, "steps", "Training steps done");
    counter(registry, "nibble.training.images", trainedImages, IMAGES, "Pictures trained on");
    counter(registry, "nibble.training.epochs", epochs, "epochs", "Epochs ended");
    counter(
        registry, "nibble.training.checkpoints", checkpoints, "checkpoints", "Checkpoints saved");
    gauge(registry, "nibble.training.loss", m -> m.loss, "Mean loss of the last batch");
    gauge(registry, "nibble.training.accuracy", m -> m.accuracy, "Accuracy on the last batch");
    gauge(registry, "nibble.training.learning.rate", m -> m.rate, "Learning rate of the last step");
    gauge(
        registry,
        "nibble.training.images.per.second",
        m -> m.imagesPerSecond,
        "Pictures a second of the last step");
    counter(registry, "nibble.evaluations", epochs, "evaluations", "Evaluations of test pictures");
    gauge(registry, "nibble.evaluation.loss", m -> m.testLoss, "Mean loss of the test pictures");
    gauge(registry, "nibble.evaluation.accuracy", m -> m.testAccuracy, "Accuracy on test pictures");
    bytes(registry, "nibble.memory.used", m -> m.account.used(), "Bytes held");
    bytes(registry, "nibble.memory.peak", m -> m.account.peak(), "The most bytes ever held");
    bytes(registry, "nibble.memory.limit", NibbleMetrics::limit, "Bytes that may be held");
    bytes(registry, "nibble.memory.planned", m -> m.planned, "Bytes that training planned");
    counter(registry, "nibble.predictions.images", predictedImages, IMAGES, "Pictures classified");
    Timer timer =
        Timer.builder("nibble.predictions")
            .description("Calls of predictors, waiting for a free thread included")
            .tags(tags)
            .publishPercentileHistogram()
            .minimumExpectedValue(Duration.ofNanos(100_000))
            .maximumExpectedValue(Duration.ofSeconds(10))
            .register(registry);
    int bound = timers.length;
    Timer[] more = Arrays.copyOf(timers, bound + 1);
    more[bound] = timer;
    timers = more;
  }

  private double limit() {
    long limit = account.limit();
    return limit == MemoryAccount.UNLIMITED ? Double.POSITIVE_INFINITY : limit;
  }

  private void counter(
      MeterRegistry registry, String name, LongAdder value, String unit, String description) {
    FunctionCounter.builder(name, value, LongAdder::sum)
        .baseUnit(unit)
        .description(description)
        .tags(tags)
        .register(registry);
  }

  private void gauge(
      MeterRegistry registry,
      String name,
      ToDoubleFunction<NibbleMetrics> value,
      String description) {
    Gauge.builder(name, this, value)
        .description(description)
        .tags(tags)
        // Counters hold their values weakly: this is what keeps them alive.
        .strongReference(true)
        .register(registry);
  }

  private void bytes(
      MeterRegistry registry,
      String name,
      ToDoubleFunction<NibbleMetrics> value,
      String description) {
    Gauge.builder(name, this, value)
        .baseUnit(BaseUnits.BYTES)
        .description(description)
        .tags(tags)
        .strongReference(true)
        .register(registry);
  }

  @Override
  public void onStart(TrainingRun run) {
    batch = run.batch();
    planned = run.plannedBytes();
  }

  @Override
  public void onStep(Step step) {
    loss = step.loss();
    accuracy = step.accuracy();
    rate = step.rate();
    imagesPerSecond = step.imagesPerSecond();
    trainedImages.add(batch);
    steps.increment();
  }

  @Override
  public void onEpoch(Epoch epoch) {
    testLoss = epoch.testLoss();
    testAccuracy = epoch.testAccuracy();
    epochs.increment();
  }

  @Override
  public void onCheckpoint(long step, Path file) {
    checkpoints.increment();
  }

  @Override
  public void onPrediction(int pictures, long nanoseconds) {
    predictedImages.add(pictures);
    for (Timer timer : timers) {
      timer.record(nanoseconds, TimeUnit.NANOSECONDS);
    }
  }
}
