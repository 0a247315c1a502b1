package dev.nibble.samples.serve;

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
import java.util.function.Consumer;
import org.eclipse.jetty.server.HttpConfiguration;

/** The HTTP server: which address leads to what, and what becomes of failures. */
final class Api implements AutoCloseable {
  private static final long PATIENCE_SECONDS = 10;

  private final Javalin javalin;
  private final InFlight inFlight = new InFlight();
  private final InFlight streams = new InFlight();
  private final Gate gate;

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
   * @throws ServiceException if the address cannot be had
   */
  Api(ServiceOptions.Http options, Consumer<Api.Routes> routes) {
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

    void get(String path, Route route) {
      config.get(path, guarded(route));
    }

    void post(String path, Route route) {
      config.post(path, guarded(route));
    }

    void delete(String path, Route route) {
      config.delete(path, guarded(route));
    }

    /** A route that answers for as long as the client listens, and is not waited for. */
    void stream(String path, Handler handler) {
      config.get(
          path,
          request -> {
            headers(request);
            if (!streams.enter()) {
              write(request, stopping());
              return;
            }
            try {
              gate.check(request);
              handler.handle(request);
              request.res().getOutputStream().close();
            } catch (HttpProblem e) {
              write(request, problem(request, e));
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
          Answer answer = Answer.error(e.getStatus(), JsonErrors.sentence(e.getStatus()));
          request.status(answer.status()).contentType(answer.type()).result(answer.body());
        });
  }

  private static void quieten(HttpConfiguration http) {
    http.setSendServerVersion(false);
    http.setSendXPoweredBy(false);
  }

  private Handler guarded(Route route) {
    return request -> {
      headers(request);
      if (!inFlight.enter()) {
        write(request, stopping());
        return;
      }
      try {
        write(request, answer(request, route));
      } finally {
        inFlight.exit();
      }
    };
  }

  private static Answer stopping() {
    return Answer.error(HttpProblem.UNAVAILABLE, "The service is stopping: try later.");
  }

  private Answer answer(Context request, Route route) {
    try {
      gate.check(request);
      return route.answer(request);
    } catch (HttpProblem e) {
      return problem(request, e);
    } catch (MemoryLimitException e) {
      return Answer.error(HttpProblem.UNAVAILABLE, String.valueOf(e.getMessage()));
    } catch (DeviceException e) {
      String failure = "The GPU failed: %s.".formatted(e.getMessage());
      System.getLogger(Api.class.getName()).log(System.Logger.Level.ERROR, failure, e);
      return Answer.error(
          HttpProblem.UNAVAILABLE,
          failure + " Start the service anew, with --kernels vector if it fails again.");
    } catch (IOException e) {
      return Answer.error(
          HttpProblem.DISK_FULL,
          "The disk did not take it (%s) and all is as before: free some space and try again."
              .formatted(ServiceException.reason(e)));
    } catch (RuntimeException | OutOfMemoryError e) {
      System.getLogger(Api.class.getName())
          .log(System.Logger.Level.ERROR, request.method() + " " + request.path(), e);
      return Answer.error(HttpProblem.FAILED, JsonErrors.sentence(HttpProblem.FAILED));
    }
  }

  private static Answer problem(Context request, HttpProblem e) {
    if (e.retryAfter() > 0) {
      request.header("Retry-After", Integer.toString(e.retryAfter()));
    }
    if (e.status() == HttpProblem.UNAUTHORIZED) {
      request.header("WWW-Authenticate", "Bearer");
    }
    return Answer.error(e.status(), e.sentence());
  }

  private static void headers(Context request) {
    request.header("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'");
    request.header("X-Content-Type-Options", "nosniff");
    request.header("Referrer-Policy", "no-referrer");
    request.header("Cache-Control", "no-store");
  }

  /** At once and whole: once the route counts as done, its client has the answer. */
  private static void write(Context request, Answer answer) throws IOException {
    UnreadBody unread = UnreadBody.of(request);
    if (unread != null) {
      // The connection is of no more use, and a client must not send its next request on it.
      request.header("Connection", "close");
    }
    request.status(answer.status()).contentType(answer.type());
    request.res().setContentLength(answer.body().length);
    request.res().getOutputStream().write(answer.body());
    request.res().flushBuffer();
    if (unread != null) {
      unread.drain();
    }
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
