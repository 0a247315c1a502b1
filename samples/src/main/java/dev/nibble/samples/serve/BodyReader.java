package dev.nibble.samples.serve;

import io.javalin.http.Context;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.IdleTimeout;

/**
 * Reads bodies of requests whole, within limits of size and time: who sends slowly must not hold
 * for long what others wait for.
 */
final class BodyReader {
  /** Bytes a second that must have arrived on average once the patience is over. */
  static final int RATE = 128 << 10;

  private static final int PIECE = 1 << 14;

  private final int most;
  private final String tooLong;
  private final Duration patience;
  private final LongSupplier clock;

  /**
   * Reads bodies of at most so many bytes.
   *
   * @param tooLong what to say to who sends more
   * @param patience how long a body may take whatever its size, and how long nothing may arrive
   * @param clock nanoseconds
   */
  BodyReader(int most, String tooLong, Duration patience, LongSupplier clock) {
    this.most = most;
    this.tooLong = tooLong;
    this.patience = patience;
    this.clock = clock;
  }

  /**
   * The body of a request.
   *
   * @throws HttpProblem if it is too long or too slow, or does not arrive whole
   */
  byte[] read(Context request) {
    EndPoint connection = UnreadBody.connection(request);
    long before = connection.getIdleTimeout();
    if (connection instanceof IdleTimeout idle) {
      idle.notIdle(); // the client is not to blame for the time that it had to wait
    }
    connection.setIdleTimeout(patience.toMillis());
    try {
      return read(request.req().getInputStream(), request.req().getContentLengthLong());
    } catch (EOFException e) {
      throw new HttpProblem(
          HttpProblem.BAD_REQUEST, "The body ends before its announced length: send it anew.");
    } catch (IOException e) {
      if (e.getCause() instanceof TimeoutException) {
        throw slow();
      }
      throw new HttpProblem(
          HttpProblem.BAD_REQUEST, "The body did not arrive whole: send it anew.");
    } finally {
      connection.setIdleTimeout(before);
    }
  }

  /**
   * All bytes of a stream.
   *
   * @param announced how many there are, or -1 if nobody said
   */
  byte[] read(InputStream in, long announced) throws IOException {
    if (announced > most) {
      throw tooLong();
    }
    long start = clock.getAsLong();
    // One more than there may be: the end is seen without another array.
    byte[] body = new byte[1 + (announced < 0 ? Math.min(PIECE, most) : (int) announced)];
    int count = 0;
    while (true) {
      int read = in.read(body, count, body.length - count);
      if (read < 0) {
        return Arrays.copyOf(body, count);
      }
      count += read;
      if (count > most) {
        throw tooLong();
      }
      if (clock.getAsLong() - start > patience.toNanos() + 1_000_000_000L * count / RATE) {
        throw slow();
      }
      if (count == body.length) {
        body = Arrays.copyOf(body, (int) Math.min(2L * count, most + 1L));
      }
    }
  }

  /** The answer to who sends too much. */
  HttpProblem tooLong() {
    return new HttpProblem(HttpProblem.TOO_LARGE, tooLong);
  }

  private static HttpProblem slow() {
    return new HttpProblem(
        HttpProblem.TIMEOUT,
        "The body arrived too slowly: send it anew, over a faster line or smaller.");
  }
}
