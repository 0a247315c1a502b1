package dev.nibble.samples.serve;

import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.kernels.DeviceException;
import dev.nibble.memory.MemoryLimitException;
import io.javalin.Javalin;
import io.javalin.config.JavalinConfig;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import io.javalin.http.HttpResponseException;
import io.javalin.util.JavalinBindException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.eclipse.jetty.server.HttpConfiguration;

/** The HTTP server: which address leads to what, and what becomes of failures. */
final class Api implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 10;

  private final Javalin javalin;
  private final InFlight inFlight = new InFlight();
  private final InFlight streams = new InFlight();
  private final Gate gate;
  private final ServiceLog log;
  private final List<String> names = new ArrayList<>();

  /** What answers a request. */
  @FunctionalInterface
  interface Route {
    /**
     * Answers.
     *
     * @throws IOException if the disk failed
     */
    Answer answer(Context request) throws IOException;
  }

  /**
   * Listens from here on.
   *
   * @param routes adds the routes
   * @param log hears of requests
   * @throws ServiceException if the address cannot be had
   */
  Api(ServiceOptions.Http options, Consumer<Api.Routes> routes, ServiceLog log) {
    this.log = log;
    this.gate = new Gate(options);
    this.javalin = Javalin.create(config -> configure(config, options, routes));
    try {
      javalin.start();
    } catch (JavalinBindException e) {
      javalin.stop();
      throw new ServiceException(
          "Cannot listen at %s, port %d: it is taken or not this machine's; choose another --port."
              .formatted(options.host(), options.port()),
          e);
    }
  }

  /** Adds routes to a server. */
  final class Routes {
    private final RoutesConfig config;

    private Routes(RoutesConfig config) {
      this.config = config;
    }

    private void add(String method, String path) {
      names.add(method + " " + path);
    }

    void get(String path, Route route) {
      add("GET", path);
      config.get(path, guarded(route));
    }

    void post(String path, Route route) {
      add("POST", path);
      config.post(path, guarded(route));
    }

    void patch(String path, Route route) {
      add("PATCH", path);
      config.patch(path, guarded(route));
    }

    void delete(String path, Route route) {
      add("DELETE", path);
      config.delete(path, guarded(route));
    }

    /** A route that answers for as long as the client listens, and is not waited for. */
    void stream(String path, Handler handler) {
      add("GET", path);
      config.get(
          path,
          request -> {
            headers(request);
            RequestLog told = new RequestLog(log, request);
            if (!streams.enter()) {
              write(request, stopping(), told);
              return;
            }
            try {
              gate.check(request);
              handler.handle(request);
              request.res().getOutputStream().close();
            } catch (HttpProblem e) {
              write(request, problem(request, e, told), told);
            } finally {
              streams.exit();
            }
          });
    }
  }

  private void configure(
      JavalinConfig config, ServiceOptions.Http options, Consumer<Routes> routes) {
    config.jetty.host = options.host();
    config.jetty.port = options.port();
    config.jetty.modifyHttpConfiguration(Api::quieten);
    config.jetty.modifyServer(server -> server.setErrorHandler(new JsonErrors()));
    config.concurrency.useVirtualThreads = true;
    config.startup.showJavalinBanner = false;
    config.startup.startupWatcherEnabled = false;
    config.http.prefer405over404 = true;
    config.http.maxRequestSize = options.maxBody();
    routes.accept(new Routes(config.routes));
    config.routes.exception(
        HttpResponseException.class,
        (e, request) -> {
          headers(request);
          RequestLog told = new RequestLog(log, request);
          String sentence = JsonErrors.sentence(e.getStatus());
          told.refused(e.getStatus(), sentence);
          request.status(e.getStatus()).contentType(JsonErrors.TYPE);
          request.result(Json.bytes(Json.error(sentence)));
        });
  }

  private static void quieten(HttpConfiguration http) {
    http.setSendServerVersion(false);
    http.setSendXPoweredBy(false);
  }

  private Handler guarded(Route route) {
    return request -> {
      headers(request);
      RequestLog told = new RequestLog(log, request);
      if (!inFlight.enter()) {
        write(request, stopping(), told);
        return;
      }
      try {
        write(request, answer(request, route, told), told);
      } finally {
        inFlight.exit();
      }
    };
  }

  private static Answer stopping() {
    return Answer.error(HttpProblem.UNAVAILABLE, "The service is stopping: try later.");
  }

  private Answer answer(Context request, Route route, RequestLog told) {
    try {
      gate.check(request);
      return route.answer(request);
    } catch (HttpProblem e) {
      return problem(request, e, told);
    } catch (MemoryLimitException e) {
      return failure(HttpProblem.UNAVAILABLE, String.valueOf(e.getMessage()), told);
    } catch (ExchangeException e) {
      return failure(HttpProblem.FAILED, String.valueOf(e.getMessage()), told);
    } catch (DeviceException e) {
      String failure = "The GPU failed: %s.".formatted(e.getMessage());
      System.getLogger(Api.class.getName()).log(System.Logger.Level.ERROR, failure, e);
      return failure(
          HttpProblem.UNAVAILABLE,
          failure + " Start the service anew, with --kernels vector if it fails again.",
          told);
    } catch (IOException e) {
      return failure(
          HttpProblem.DISK_FULL,
          "The disk did not take it (%s) and all is as before: free some space and try again."
              .formatted(ServiceException.reason(e)),
          told);
    } catch (RuntimeException | OutOfMemoryError e) {
      System.getLogger(Api.class.getName())
          .log(System.Logger.Level.ERROR, request.method() + " " + request.path(), e);
      return Answer.error(HttpProblem.FAILED, JsonErrors.sentence(HttpProblem.FAILED));
    }
  }

  private static Answer failure(int status, String sentence, RequestLog told) {
    told.refused(status, sentence);
    return Answer.error(status, sentence);
  }

  private static Answer problem(Context request, HttpProblem e, RequestLog told) {
    if (e.retryAfter() > 0) {
      request.header("Retry-After", Integer.toString(e.retryAfter()));
    }
    if (e.status() == HttpProblem.UNAUTHORIZED) {
      request.header("WWW-Authenticate", "Bearer");
    }
    return failure(e.status(), e.sentence(), told);
  }

  private static void headers(Context request) {
    request.header("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'");
    request.header("X-Content-Type-Options", "nosniff");
    request.header("Referrer-Policy", "no-referrer");
    request.header("Cache-Control", "no-store");
  }

  /** At once and whole: once the route counts as done, its client has the answer. */
  private static void write(Context request, Answer answer, RequestLog told) throws IOException {
    UnreadBody unread = null;
    try (answer) {
      unread = UnreadBody.of(request);
      if (unread != null) {
        // The connection is of no more use, and a client must not send its next request on it.
        request.header("Connection", "close");
      }
      if (!answer.fileName().isEmpty()) {
        String name = "attachment; filename=\"" + answer.fileName() + "\"";
        request.header("Content-Disposition", name);
      }
      request.status(answer.status()).contentType(answer.type());
      request.res().setContentLengthLong(answer.length());
      answer.writeTo(request.res().getOutputStream());
      request.res().flushBuffer();
      told.answered(answer.status());
    }
    if (unread != null) {
      unread.drain();
    }
  }

  /** Methods and paths that it answers to, such as {@code GET /status}. */
  List<String> routes() {
    return List.copyOf(names);
  }

  int port() {
    return javalin.port();
  }

  /** Refuses new requests and waits a while for those under way. */
  void drain() {
    inFlight.refuse();
    inFlight.awaitNone(PATIENCE_SECONDS);
  }

  @Override
  public void close() {
    drain();
    streams.refuse();
    streams.awaitNone(PATIENCE_SECONDS);
    javalin.stop();
  }
}
