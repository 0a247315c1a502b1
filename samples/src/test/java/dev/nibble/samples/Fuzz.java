package dev.nibble.samples;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Gives a reader damaged inputs for some time: each must be read or refused in words, soon, and
 * without more memory than the input is worth. {@code -Dnibble.fuzz.seconds=600} for a long run,
 * {@code -Dnibble.fuzz.seed=N} to repeat one.
 */
public final class Fuzz {
  private static final long DEFAULT_MILLISECONDS = 400;
  private static final long HANG_SECONDS = 20;

  /** Inputs that a reader gets on a busy machine, too, though for at most ten times as long. */
  private static final long LEAST_INPUTS = 100;

  /** Heap that a reader may take whatever its input says: its buffers, and a model's tables. */
  private static final long FREE_BYTES = 64L << 20;

  private static final long BYTES_A_BYTE = 256;

  /** Reads an input, or throws. */
  @FunctionalInterface
  public interface Reader {
    /** Reads an input whole. */
    void read(byte[] input) throws Exception;
  }

  private final String name;
  private final Predicate<Throwable> refusal;
  private final Reader reader;
  private final SplittableRandom random;
  private final long seed;
  private final ThreadMXBean threads =
      (ThreadMXBean) ManagementFactory.getPlatformMXBean(java.lang.management.ThreadMXBean.class);

  private volatile long started;
  private volatile byte[] current = {};
  private volatile @Nullable Throwable failure;
  private volatile boolean stop;
  private final AtomicLong inputs = new AtomicLong();
  private long accepted;
  private long mostAllocated;
  private long slowest;

  private Fuzz(String name, Predicate<Throwable> refusal, Reader reader) {
    this.name = name;
    this.refusal = refusal;
    this.reader = reader;
    this.seed = Long.getLong("nibble.fuzz.seed", System.nanoTime());
    this.random = new SplittableRandom(seed);
  }

  /** How long each reader is tried. */
  static long milliseconds() {
    Long seconds = Long.getLong("nibble.fuzz.seconds");
    return seconds == null ? DEFAULT_MILLISECONDS : TimeUnit.SECONDS.toMillis(seconds);
  }

  /**
   * Tries a reader.
   *
   * @param corpus sound inputs
   * @param refusal whether that is how the reader refuses an input
   * @throws AssertionError with the seed and the input if it failed in another way, or hung
   */
  public static void run(
      String name, List<byte[]> corpus, Predicate<Throwable> refusal, Reader reader)
      throws InterruptedException {
    for (byte[] sound : corpus) {
      try {
        reader.read(sound);
      } catch (Exception e) {
        throw new AssertionError(name + ": a sound input was refused", e);
      }
    }
    new Fuzz(name, refusal, reader).run(new Mutations(corpus));
  }

  private void run(Mutations mutations) throws InterruptedException {
    Thread worker = new Thread(() -> readAll(mutations), "fuzz-" + name);
    worker.setDaemon(true);
    started = System.nanoTime();
    worker.start();
    long budget = TimeUnit.MILLISECONDS.toNanos(milliseconds());
    long begin = System.nanoTime();
    while (worker.isAlive()) {
      worker.join(20);
      long now = System.nanoTime();
      long spent = now - begin;
      stop |= spent > budget && (inputs.get() >= LEAST_INPUTS || spent > 10 * budget);
      if (worker.isAlive() && now - started > TimeUnit.SECONDS.toNanos(HANG_SECONDS)) {
        AssertionError hang = error("hangs", null);
        hang.setStackTrace(worker.getStackTrace());
        throw hang;
      }
    }
    if (failure != null) {
      throw error("fails", failure);
    }
    System.out.printf(
        Locale.ROOT,
        "fuzz %-12s %,10d inputs, %,8d of them sound, slowest %,d ms, at most %,d KiB of heap;"
            + " the process at most %,d MiB%n",
        name,
        inputs.get(),
        accepted,
        slowest / 1_000_000,
        mostAllocated >> 10,
        Machine.peakResidentBytes() >> 20);
    if (inputs.get() == 0) {
      throw error("read nothing", null);
    }
  }

  private void readAll(Mutations mutations) {
    while (!stop && failure == null) {
      byte[] input = mutations.next(random);
      current = input;
      started = System.nanoTime();
      long before = threads.getCurrentThreadAllocatedBytes();
      try {
        reader.read(input);
        accepted++;
      } catch (Throwable e) {
        if (!refusal.test(e)) {
          failure = e;
          return;
        }
      }
      long allocated = threads.getCurrentThreadAllocatedBytes() - before;
      inputs.incrementAndGet();
      mostAllocated = Math.max(mostAllocated, allocated);
      slowest = Math.max(slowest, System.nanoTime() - started);
      if (allocated > FREE_BYTES + BYTES_A_BYTE * input.length) {
        failure = new AssertionError("it takes " + allocated + " bytes of heap");
      }
    }
  }

  private AssertionError error(String what, @Nullable Throwable cause) {
    try {
      Path file = Files.createTempFile("nibble-fuzz-" + name, ".bin");
      Files.write(file, current);
      return new AssertionError(
          "%s %s: input %d of -Dnibble.fuzz.seed=%d, kept in %s: %s"
              .formatted(
                  name,
                  what,
                  inputs.get(),
                  seed,
                  file,
                  HexFormat.of().formatHex(Arrays.copyOf(current, Math.min(200, current.length)))),
          cause);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
