package dev.nibble.samples.serve;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.PictureSize;
import dev.nibble.engine.metrics.NibbleMetrics;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.model.ModelInfo;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.Kernels;
import dev.nibble.memory.MemoryAccount;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A model behind HTTP that learns while it serves. Everything lives in this process: predictions
 * and training share one memory limit, and a new version takes over without a request waiting.
 */
public final class Service implements AutoCloseable {
  /** What was opened, the last first. */
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();

  private final ServiceOptions options;
  private final Kernels kernels;
  private final Consumer<String> log;
  private final ServiceLog events;
  private boolean closed;

  private @Nullable Api api;

  private Service(
      ServiceOptions options, Kernels kernels, Consumer<String> log, System.Logger events) {
    this.events = new ServiceLog(events);
    this.options = options;
    this.kernels = kernels;
    this.log = log;
  }

  /**
   * Opens the home, loads its current model and listens; without a model, trains the first one.
   *
   * @param log hears, a sentence at a time, what a user should know
   * @param events starts, versions, trainings and refusals; at debug level every request
   * @throws ServiceException if the home, the address or an option is no good
   * @throws dev.nibble.engine.data.DataException if the data is no good
   * @throws dev.nibble.engine.exchange.ExchangeException if the weights are no good
   * @throws dev.nibble.memory.MemoryLimitException if the limit leaves no room for the model
   */
  public static Service open(
      ServiceOptions options, Kernels kernels, Consumer<String> log, System.Logger events) {
    return open(options, kernels, log, events, AppendFile::open);
  }

  /** As the other, with the disk of the examples given. */
  static Service open(
      ServiceOptions options,
      Kernels kernels,
      Consumer<String> log,
      System.Logger events,
      AppendFile.Opener disk) {
    Service service = new Service(options, kernels, log, events);
    try {
      service.start(disk);
    } catch (RuntimeException | Error e) {
      service.close();
      throw e;
    }
    return service;
  }

  private void start(AppendFile.Opener disk) {
    Home home = keep(Home.open(options.home()));
    MemoryAccount account = keep(MemoryAccount.root("service", options.memoryLimit()));
    NibbleMetrics metrics = new NibbleMetrics(account);
    ModelFolder folder = new ModelFolder(home.models());
    ModelRegistry registry =
        keep(
            new ModelRegistry(
                folder,
                options.keep(),
                options.predictThreads(),
                kernels,
                account,
                metrics,
                log,
                events));
    DataSplits data = keep(options.data().apply(size(registry)));
    FeatureMap input =
        new FeatureMap(data.train().height(), data.train().width(), data.train().channels());
    takeWeights(registry, input);
    ExampleStore store = keep(ExampleStore.open(home.examples(), input, disk, log));
    Events stream = new Events();
    TrainingBoard board = new TrainingBoard(stream, account, registry::version);
    registry.begin(data.train().classNames(), input, model -> stream.publish("model", model));
    Retraining retraining =
        new Retraining(
            new TrainingJob.Setup(
                data, store, registry, kernels, account, options.training(), metrics),
            board,
            events);
    PrometheusMeterRegistry meters = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    keep(meters::close);
    metrics.bindTo(meters);
    PictureIntake intake = new PictureIntake(options.http(), data.train().resizing());
    PictureRate rate = new PictureRate(retraining, options.http());
    Api listening =
        new Api(
            options.http(),
            routes -> {
              new PageRoutes().addTo(routes);
              new PictureRoutes(registry, intake, rate, input).addTo(routes);
              new ExampleRoutes(registry, store, intake, rate, stream, input, options.http())
                  .addTo(routes);
              new ModelRoutes(registry).addTo(routes);
              new TrainingRoutes(registry, retraining, board, options.http()).addTo(routes);
              new EventRoute(stream, board).addTo(routes);
              routes.get("/metrics", request -> MetricsText.of(meters));
            },
            events);
    api = listening;
    events.say(
        String.format(
            Locale.ROOT,
            "Started at %s, port %d: %s, %d examples, data %s.",
            options.http().host(),
            listening.port(),
            registry.version() == null ? "no model yet" : "version " + registry.version(),
            store.count(),
            data.name()));
    // Closed from the end: no new request, then no training, no listener, and at last no server.
    keep(listening);
    keep(stream);
    keep(retraining);
    keep(listening::drain);
    if (registry.version() == null) {
      retraining.start(null);
    } else {
      retraining.measure();
    }
  }

  private <T extends AutoCloseable> T keep(T resource) {
    opened.push(resource);
    return resource;
  }

  /** The size that pictures must have: the current model's, or of the one to be taken. */
  private @Nullable PictureSize size(ModelRegistry registry) {
    ModelInfo info = registry.info();
    if (info == null && options.weights() != null) {
      info = ModelFile.info(options.weights());
    }
    return info == null ? null : info.pictureSize();
  }

  private void takeWeights(ModelRegistry registry, FeatureMap input) {
    ModelInfo info = registry.info();
    if (options.weights() != null) {
      if (info == null) {
        FirstVersion.take(registry, options.weights(), input);
      } else {
        log.accept(
            "%s was not read, because version %d in %s serves."
                .formatted(options.weights(), registry.version(), options.home()));
      }
    }
    if (info != null && !info.input().equals(input)) {
      throw new ServiceException(
          "The model in %s reads pictures of %s, but those of the data are %s: choose its data."
              .formatted(options.home(), info.input(), input));
    }
  }

  /** The port it listens at. */
  public int port() {
    return listening().port();
  }

  /** Methods and paths that it answers to. */
  List<String> routes() {
    return listening().routes();
  }

  private Api listening() {
    Api listening = api;
    if (listening == null) {
      throw new IllegalStateException("The service did not start.");
    }
    return listening;
  }

  /**
   * Refuses new requests, cancels the training, and closes everything once the requests under way
   * are answered. Closing twice does nothing.
   *
   * @throws dev.nibble.memory.MemoryLeakException if something was not given back
   */
  @Override
  public void close() {
    synchronized (opened) {
      if (closed) {
        return;
      }
      closed = true;
    }
    if (api != null) {
      events.say("Stopping.");
    }
    RuntimeException failure = null;
    while (!opened.isEmpty()) {
      try {
        opened.pop().close();
      } catch (Exception e) {
        RuntimeException thrown =
            e instanceof RuntimeException r ? r : new IllegalStateException(e);
        if (failure == null) {
          failure = thrown;
        } else {
          failure.addSuppressed(thrown);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
