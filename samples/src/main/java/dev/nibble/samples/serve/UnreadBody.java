package dev.nibble.samples.serve;

import io.javalin.http.Context;
import jakarta.servlet.ServletInputStream;
import java.io.IOException;
import java.time.Duration;
import org.eclipse.jetty.ee10.servlet.ServletContextRequest;
import org.eclipse.jetty.io.EndPoint;
import org.jspecify.annotations.Nullable;

/**
 * What a client still sends of a request that is answered already. To close the connection on it
 * would be answered with a reset, which can cost the client the answer, so it is read and thrown
 * away, within limits.
 */
final class UnreadBody {
  private static final int MOST = 1 << 20;
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  private final ServletInputStream in;
  private final EndPoint connection;

  private UnreadBody(ServletInputStream in, EndPoint connection) {
    this.in = in;
    this.connection = connection;
  }

  /** The body of a request, or null if it has none or all of it was read. */
  static @Nullable UnreadBody of(Context request) throws IOException {
    boolean announced =
        request.req().getContentLengthLong() > 0
            || request.req().getHeader("Transfer-Encoding") != null;
    ServletInputStream in = request.req().getInputStream();
    return announced && !in.isFinished() ? new UnreadBody(in, connection(request)) : null;
  }

  /** The connection that a request came on. */
  static EndPoint connection(Context request) {
    return ServletContextRequest.getServletContextRequest(request.req())
        .getConnectionMetaData()
        .getConnection()
        .getEndPoint();
  }

  /** Reads until the end, or until the client has had its chance. */
  void drain() {
    long end = System.nanoTime() + PATIENCE.toNanos();
    connection.setIdleTimeout(PATIENCE.toMillis()); // nothing follows: the connection closes
    byte[] piece = new byte[1 << 14];
    int count = 0;
    try {
      while (count < MOST && System.nanoTime() < end) {
        int read = in.read(piece);
        if (read < 0) {
          return;
        }
        count += read;
      }
    } catch (IOException e) {
      // The client is gone, or is silent: it has its answer.
    }
  }
}
