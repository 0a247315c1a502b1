package dev.nibble.samples;

import dev.nibble.memory.ByteSize;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serial;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Downloads files over HTTP; goes on with what an earlier attempt left. */
final class Download implements AutoCloseable {
  /** Attempts in a row that bring nothing before it gives up. */
  private static final int MOST_FAILURES = 4;

  private static final Duration CONNECT = Duration.ofSeconds(20);
  private static final long STALLED_MILLIS = 60_000;
  private static final Pattern RANGE = Pattern.compile("bytes (\\d{1,18})-.*/(\\d{1,18}|\\*)");

  private final HttpClient client =
      HttpClient.newBuilder()
          .connectTimeout(CONNECT)
          .followRedirects(HttpClient.Redirect.NORMAL)
          .build();
  private final Timer timer = new Timer("nibble-download-watch", true);
  private final LiveLine line;

  Download(LiveLine line) {
    this.line = line;
  }

  /**
   * Downloads to a file, from its present length on if the server can do that.
   *
   * @throws BadInputException if the server does not have the file, or the connection breaks again
   *     and again; what has come stays in the file
   * @throws IOException if the file cannot be written
   */
  void run(URI address, Path part) throws IOException, InterruptedException {
    int failures = 0;
    while (true) {
      long before = Files.exists(part) ? Files.size(part) : 0;
      try {
        attempt(address, part, before);
        return;
      } catch (BrokenException e) {
        long now = Files.exists(part) ? Files.size(part) : 0;
        failures = now > before ? 1 : failures + 1;
        if (failures >= MOST_FAILURES) {
          throw new BadInputException(
              "Cannot download %s: %s; %s are kept, run this again to go on."
                  .formatted(address, e.getMessage(), ByteSize.format(now)),
              e);
        }
        Thread.sleep(200L << failures);
      }
    }
  }

  private void attempt(URI address, Path part, long from)
      throws IOException, InterruptedException, BrokenException {
    HttpRequest.Builder request = HttpRequest.newBuilder(address).timeout(CONNECT);
    if (from > 0) {
      request.header("Range", "bytes=" + from + "-");
    }
    HttpResponse<InputStream> response;
    try {
      response = client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
    } catch (IOException e) {
      throw new BrokenException(reason(e), e);
    }
    try (InputStream body = response.body()) {
      switch (response.statusCode()) {
        case 200 -> copy(response, body, part, 0);
        case 206 -> copy(response, body, part, start(response, from));
        case 416 -> {
          // All of it is here already, or more than all: the checksum will tell.
          if (from == 0) {
            throw refused(address, 416);
          }
        }
        case 408, 429, 500, 502, 503, 504 ->
            throw new BrokenException("the server answers " + response.statusCode(), null);
        default -> throw refused(address, response.statusCode());
      }
    }
  }

  private static BadInputException refused(URI address, int status) {
    return new BadInputException(
        "Cannot download %s: the server answers %d; try --from with a mirror."
            .formatted(address, status));
  }

  /** Where the answer starts: where it was asked to, unless the server is confused. */
  private static long start(HttpResponse<?> response, long from) throws BrokenException {
    Matcher range = RANGE.matcher(response.headers().firstValue("Content-Range").orElse(""));
    if (!range.matches() || Long.parseLong(range.group(1)) != from) {
      throw new BrokenException("the server sends another part than asked for", null);
    }
    return from;
  }

  private void copy(HttpResponse<?> response, InputStream body, Path part, long from)
      throws IOException, BrokenException {
    OptionalLong length = response.headers().firstValueAsLong("Content-Length");
    long total = length.isPresent() ? from + length.getAsLong() : -1;
    AtomicLong lastRead = new AtomicLong(System.nanoTime());
    TimerTask watch = watch(body, lastRead);
    byte[] buffer = new byte[1 << 16];
    long done = from;
    long start = System.nanoTime();
    try (FileChannel file =
        FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      file.truncate(from);
      file.position(from);
      for (int n = read(body, buffer); n >= 0; n = read(body, buffer)) {
        lastRead.set(System.nanoTime());
        ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, n);
        while (bytes.hasRemaining()) {
          file.write(bytes);
        }
        done += n;
        if (line.isDue()) {
          show(part, done, total, (done - from) / ((System.nanoTime() - start) / 1e9));
        }
      }
      file.force(true);
    } finally {
      watch.cancel();
    }
    if (total >= 0 && done < total) {
      throw new BrokenException("the connection broke", null);
    }
  }

  /** Breaks a connection that brings nothing: a read has no time limit of its own. */
  private TimerTask watch(InputStream body, AtomicLong lastRead) {
    TimerTask task =
        new TimerTask() {
          @Override
          public void run() {
            if (System.nanoTime() - lastRead.get() > STALLED_MILLIS * 1_000_000) {
              try {
                body.close();
              } catch (IOException e) {
                cancel(); // closed is closed: the reader finds out
              }
            }
          }
        };
    timer.schedule(task, STALLED_MILLIS, STALLED_MILLIS / 10);
    return task;
  }

  private static int read(InputStream body, byte[] buffer) throws BrokenException {
    try {
      return body.read(buffer);
    } catch (IOException e) {
      throw new BrokenException("the connection broke (" + reason(e) + ")", e);
    }
  }

  private void show(Path part, long done, long total, double rate) {
    String name = String.valueOf(part.getFileName()).replace(".part", "");
    String speed = ByteSize.format((long) rate) + "/s";
    line.show(
        total < 0
            ? "%s  %s  %s".formatted(name, ByteSize.format(done), speed)
            : String.format(
                Locale.ROOT,
                "%s  %s of %s  %.0f %%  %s  %s left",
                name,
                ByteSize.format(done),
                ByteSize.format(total),
                100.0 * done / total,
                speed,
                TrainingReport.time((total - done) / Math.max(1, rate))));
  }

  private static String reason(IOException e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  @Override
  public void close() {
    timer.cancel();
    client.shutdownNow();
  }

  /** The connection failed; another attempt may go on where this one stopped. */
  private static final class BrokenException extends Exception {
    @Serial private static final long serialVersionUID = 1L;

    BrokenException(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }
}
