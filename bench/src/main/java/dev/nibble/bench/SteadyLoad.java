package dev.nibble.bench;

import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Sends requests at a steady rate, whether or not the answers keep up, and takes each one's latency
 * from the instant at which it should have been sent: a server that stalls is charged for all that
 * queued up behind, which a client that waits for its answer would never have sent.
 */
final class SteadyLoad {
  private final HttpClient client;
  private final HttpRequest[] requests;
  private final double rate;

  /**
   * What came out; latencies are in milliseconds.
   *
   * @param sent requests sent
   * @param failed requests without an answer of status 200
   * @param p50 median latency
   * @param p99 latency that one in a hundred exceeds
   * @param max the longest
   */
  record Result(int sent, int failed, double p50, double p99, double max) {}

  /**
   * A load.
   *
   * @param requests sent in turn
   * @param rate requests a second
   */
  SteadyLoad(HttpClient client, HttpRequest[] requests, double rate) {
    this.client = client;
    this.requests = requests.clone();
    this.rate = rate;
  }

  /** Sends for so many seconds, or as long as {@code goesOn}, and waits for the last answer. */
  Result run(double seconds, BooleanSupplier goesOn) {
    int most = (int) Math.round(seconds * rate);
    long[] latencies = new long[most];
    AtomicInteger failed = new AtomicInteger();
    CompletableFuture<?>[] answers = new CompletableFuture<?>[most];
    long start = System.nanoTime() + 10_000_000;
    int sent = 0;
    while (sent < most && goesOn.getAsBoolean()) {
      long due = start + (long) (sent * 1e9 / rate);
      for (long left = due - System.nanoTime(); left > 0; left = due - System.nanoTime()) {
        LockSupport.parkNanos(left);
      }
      int index = sent;
      answers[index] =
          client
              .sendAsync(requests[index % requests.length], BodyHandlers.discarding())
              .handle(
                  (HttpResponse<Void> answer, Throwable thrown) -> {
                    latencies[index] = System.nanoTime() - due;
                    if (thrown != null || answer.statusCode() != 200) {
                      failed.incrementAndGet();
                    }
                    return null;
                  });
      sent++;
    }
    CompletableFuture.allOf(Arrays.copyOf(answers, sent)).join();
    long[] sorted = Arrays.copyOf(latencies, sent);
    Arrays.sort(sorted);
    return new Result(sent, failed.get(), at(sorted, 0.5), at(sorted, 0.99), at(sorted, 1));
  }

  /** The value below which that share lies, by the nearest rank, in milliseconds. */
  private static double at(long[] sorted, double share) {
    if (sorted.length == 0) {
      return Double.NaN;
    }
    int rank = (int) Math.ceil(share * sorted.length);
    return sorted[Math.clamp(rank - 1, 0, sorted.length - 1)] / 1e6;
  }
}
