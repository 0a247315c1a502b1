package dev.nibble.samples.serve;

import io.javalin.http.Context;
import java.util.UUID;

/** What is logged of one request, under an id that its client is told, too. */
final class RequestLog {
  private static final String HEADER = "X-Request-Id";

  private final ServiceLog log;
  private final String method;
  private final String path;
  private final String id;
  private final long start = System.nanoTime();

  /** Begins a request: takes the id that its client gave it, or makes one. */
  RequestLog(ServiceLog log, Context request) {
    this.log = log;
    this.method = request.method().name();
    this.path = request.req().getRequestURI(); // as it was sent, without what may be a token
    String given = request.header(HEADER);
    this.id =
        given != null && given.matches("[A-Za-z0-9._-]{1,64}")
            ? given
            : UUID.randomUUID().toString().substring(0, 8);
    request.header(HEADER, id);
  }

  void refused(int status, String reason) {
    if (path.equals("/health")) {
      return; // a supervisor asks all the time; at debug level it is there
    }
    log.refused(method, path, status, reason, id);
  }

  void answered(int status) {
    log.answered(method, path, status, System.nanoTime() - start, id);
  }
}
