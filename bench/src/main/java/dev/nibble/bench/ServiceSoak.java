package dev.nibble.bench;

import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.engine.json.JsonWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Runs {@code nibble serve} under a mixed load with trainings: for two fifths of the time in short
 * lives that end by SIGKILL, every third of them with a full disk, and for the rest in one life.
 * Exit code: 0 if nothing that was acknowledged is lost, wrong or back again, no answer was
 * unexpected, the full disk has refused something, and descriptors and, in a life of ten minutes,
 * resident memory stayed flat; else 1.
 */
public final class ServiceSoak {
  private static final int FAILED = 1;
  private static final int BAD_INPUT = 2;
  private static final double KILLED_SHARE = 0.4;
  private static final int FULL_EVERY = 3;
  private static final long REPORT_NANOS = 600_000_000_000L;
  private static final long SHORTEST_LONG_LIFE_NANOS = 30_000_000_000L;
  private static final int WARM_SECONDS = 600;
  private static final long FULL_NANOS = 60_000_000_000L;

  /** Enough where everything else on the machine comes first. */
  private static final int START_SECONDS = 1800;

  private static final double MOST_GROWTH = 1.1;
  private static final int MOST_DESCRIPTORS = 8;

  /**
   * The serial collector lets a heap grow to its limit before it clears the old objects away: with
   * the usual limit that takes hours, and what is only garbage would look like a leak.
   */
  private static final String HEAP = "-Xmx96m";

  /** Small, quick trainings that are accepted in any case: it is not accuracy that is measured. */
  private static final List<String> OPTIONS =
      List.of(
          "--model",
          "resnet8",
          "--batch",
          "16",
          "--epochs",
          "1",
          "--margin",
          "100%",
          "--log",
          "warning");

  private final Path nibble;
  private final Path data;
  private final SoakDisk disk;
  private final SplittableRandom random;
  private final SoakArguments arguments;
  private final Path root = BenchFolder.find().toAbsolutePath().resolve("..").normalize();
  private final SoakLedger ledger = new SoakLedger();
  private final SoakClients.Totals totals = new SoakClients.Totals();
  private int kills;
  private int full;

  private ServiceSoak(Path data, SoakDisk disk, SoakArguments arguments) {
    this.nibble = root.resolve("samples").resolve("nibble");
    this.data = data;
    this.disk = disk;
    this.arguments = arguments;
    this.random = new SplittableRandom(arguments.seed());
  }

  /** The program without its exit; its arguments are the JSON file and {@link SoakArguments}. */
  static int run(String... words) throws IOException, InterruptedException {
    SoakArguments arguments;
    try {
      arguments = SoakArguments.parse(words);
    } catch (IllegalArgumentException e) {
      System.err.println("nibble: " + e.getMessage());
      return BAD_INPUT;
    }
    Path folder = Files.createTempDirectory("nibble-soak");
    System.out.println("Seed " + arguments.seed());
    try (SoakDisk disk = SoakDisk.open(folder.resolve("disk"))) {
      SoakPictures.writeFolder(folder.resolve("data"));
      return new ServiceSoak(folder.resolve("data"), disk, arguments).measure() ? 0 : FAILED;
    } finally {
      delete(folder);
    }
  }

  private boolean measure() throws IOException, InterruptedException {
    long start = System.nanoTime();
    long end = start + (long) (arguments.minutes() * 60e9);
    long killUntil = start + (long) (KILLED_SHARE * arguments.minutes() * 60e9);
    firstModel();
    // On a slow machine, too, each kind of life is lived.
    while (System.nanoTime() < killUntil || kills < FULL_EVERY) {
      killedLife(kills % FULL_EVERY == 1);
      System.out.printf(
          Locale.ROOT,
          "%d kills, %d examples now, %d added; lost %d, wrong %d, back %d, strange %d%n",
          kills,
          ledger.size(),
          ledger.counts().added,
          ledger.counts().lost,
          ledger.counts().wrong,
          ledger.counts().returned,
          ledger.counts().strange);
    }
    ProcessFigures figures = longLife(start, end);
    return report(figures, start);
  }

  /** Writes what is known, as far as it goes: a soak that is stopped leaves its last report. */
  private boolean report(ProcessFigures figures, long start) throws IOException {
    ProcessFigures.Trend memory = figures.memory();
    ProcessFigures.Trend files = figures.openFiles();
    SoakLedger.Counts counts = ledger.counts();
    // A JVM's memory grows while it warms up: a short life tells nothing about it.
    boolean warm = figures.seconds() >= WARM_SECONDS;
    boolean flat =
        (!warm || memory.last() <= MOST_GROWTH * memory.second())
            && files.last() <= files.second() + MOST_DESCRIPTORS;
    // A disk that has refused nothing was not full.
    boolean good =
        counts.isGood()
            && totals.unexpected.get() == 0
            && flat
            && full > 0
            && totals.refusedByDisk.get() > 0;
    double minutes = Math.round((System.nanoTime() - start) / 6e9) / 10.0;
    System.out.printf(
        Locale.ROOT,
        "After %.1f minutes: resident %d, then %d KiB%s; descriptors %d, then %d; %s%n",
        minutes,
        memory.second(),
        memory.last(),
        warm ? "" : " (too early to judge)",
        files.second(),
        files.last(),
        good ? "good" : "NOT good");
    JsonObject result =
        JsonObject.builder()
            .put("commit", Machine.commit(root))
            .put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString())
            .put("command", "nibble bench --soak bench/results/soak.json " + arguments)
            .put(
                "server",
                "NIBBLE_JAVA_OPTS=%s nibble serve --data FOLDER %s"
                    .formatted(HEAP, String.join(" ", OPTIONS)))
            .put("cpu", Machine.processor())
            .put("os", Machine.system())
            .put("jdk", Machine.jdk())
            .put("seed", arguments.seed())
            .put("minutes", minutes)
            .put("kills", kills)
            .put("lives_with_a_full_disk", full)
            .put("full_disk", disk.kind())
            .put("trainings_started", totals.trainings.get())
            .put("predictions", totals.predictions.get())
            .put("added", counts.added)
            .put("relabelled", counts.relabelled)
            .put("deleted", counts.deleted)
            .put("refused_by_the_full_disk", totals.refusedByDisk.get())
            .put("lost", counts.lost)
            .put("wrong", counts.wrong)
            .put("back_again", counts.returned)
            .put("strange", counts.strange)
            .put("unexpected_answers", totals.unexpected.get())
            .put("resident_kib_second_third", memory.second())
            .put("resident_kib_last_third", memory.last())
            .put("resident_judged", warm)
            .put("descriptors_second_third", files.second())
            .put("descriptors_last_third", files.last())
            .put("good", good)
            .build();
    Files.writeString(arguments.file(), JsonWriter.indented(result) + "\n");
    return good;
  }

  private SoakClients clients(ServedProcess served) {
    return new SoakClients(served.address(), ledger, totals, arguments);
  }

  private ServedProcess start(List<String> before) throws IOException {
    List<String> launcher = new ArrayList<>(List.of("env", "NIBBLE_JAVA_OPTS=" + HEAP));
    launcher.addAll(before);
    launcher.add(nibble.toString());
    List<String> options = new ArrayList<>(List.of("--data", data.toString()));
    options.addAll(OPTIONS);
    return ServedProcess.start(launcher, disk.home(), options);
  }

  private void firstModel() throws IOException, InterruptedException {
    try (ServedProcess served = start(List.of())) {
      SoakClients clients = clients(served);
      clients.awaitHealth(START_SECONDS);
      clients.stop();
    }
  }

  private void killedLife(boolean isFull) throws IOException, InterruptedException {
    try (ServedProcess served = start(isFull ? disk.limits() : List.of())) {
      SoakClients clients = clients(served);
      clients.awaitHealth(START_SECONDS);
      clients.compare();
      if (isFull) {
        full++;
        disk.fill(1 << 14);
      }
      long refused = totals.refusedByDisk.get();
      clients.start(random.nextLong());
      TimeUnit.MILLISECONDS.sleep(1000 + random.nextInt(arguments.longestLifeMillis()));
      long waitUntil = System.nanoTime() + FULL_NANOS;
      while (isFull && totals.refusedByDisk.get() == refused && System.nanoTime() < waitUntil) {
        TimeUnit.MILLISECONDS.sleep(100); // not full yet, or nothing was asked for
      }
      if (isFull && random.nextBoolean()) {
        disk.free(); // the service goes on, as if nothing had been
        TimeUnit.MILLISECONDS.sleep(1000);
      }
      if (!served.isAlive()) {
        totals.unexpected("the service has ended by itself");
      }
      clients.expectKill();
      served.kill();
      kills++;
      clients.stop();
    } finally {
      disk.free();
    }
  }

  /** One life to the end, which is an orderly one; then once more, to compare. */
  private ProcessFigures longLife(long start, long end) throws IOException, InterruptedException {
    ProcessFigures figures;
    try (ServedProcess served = start(List.of())) {
      SoakClients clients = clients(served);
      clients.awaitHealth(START_SECONDS);
      clients.compare();
      figures = new ProcessFigures(served.pid());
      clients.start(random.nextLong());
      long reportAt = System.nanoTime() + REPORT_NANOS;
      long until = Math.max(end, System.nanoTime() + SHORTEST_LONG_LIFE_NANOS);
      while (System.nanoTime() < until) {
        TimeUnit.SECONDS.sleep(1);
        figures.sample();
        if (System.nanoTime() > reportAt) {
          report(figures, start);
          reportAt += REPORT_NANOS;
        }
      }
      clients.stop();
    }
    try (ServedProcess served = start(List.of())) {
      SoakClients clients = clients(served);
      clients.compare();
      clients.stop();
    }
    return figures;
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
