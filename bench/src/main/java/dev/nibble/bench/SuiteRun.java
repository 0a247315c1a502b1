package dev.nibble.bench;

import dev.nibble.bench.BenchmarkCase.Kind;
import dev.nibble.bench.Peers.Outcome;
import dev.nibble.bench.Peers.Program;
import dev.nibble.bench.SuiteReport.Row;
import dev.nibble.engine.json.JsonValue.JsonObject;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.memory.ByteSize;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One run of the suite. Another thread may ask for the report at any time, and gets what is known
 * by then.
 */
final class SuiteRun {
  /** A guess at one thread's peak, for the estimate before it is measured. */
  private static final double GUESSED_GFLOPS = 100;

  private static final double PEER_SECONDS = 15;

  private final SuiteOptions options;
  private final Kernels kernels;
  private final PrintStream progress;
  private final Path home;
  private final String date =
      OffsetDateTime.now(ZoneId.systemDefault()).truncatedTo(ChronoUnit.SECONDS).toString();
  private final String commit;
  private final List<BenchmarkCase> roofCases;
  private final List<BenchmarkCase> cases;
  private final List<Program> programs;
  private final List<BenchmarkCase> djl;
  private final List<Row> rows = new ArrayList<>();
  private final List<JsonObject> peers = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();
  private @Nullable Roofs roofs;
  private int failures;

  /**
   * Prepares a run.
   *
   * @param home the bench folder, which holds the peers' programs
   * @param progress where to say what runs
   */
  SuiteRun(SuiteOptions options, Kernels kernels, Path home, PrintStream progress) {
    this.options = options;
    this.kernels = kernels;
    this.home = home;
    this.progress = progress;
    this.commit = Machine.commit(home);
    int threads = options.threads();
    this.roofCases = SuiteCases.roofs(options.quick(), threads);
    this.cases =
        SuiteCases.all(options.quick(), threads, GUESSED_GFLOPS * threads).stream()
            .filter(c -> options.only().matcher(c.label()).find())
            .toList();
    this.programs =
        options.peers() ? Peers.programs(options.quick(), threads, options.only()) : List.of();
    this.djl = options.peers() ? Peers.djl(options.quick(), threads, options.only()) : List.of();
  }

  /** Everything that would run, in order. */
  List<String> labels() {
    List<String> labels = new ArrayList<>();
    roofCases.forEach(c -> labels.add(c.label()));
    cases.forEach(c -> labels.add(c.label()));
    programs.forEach(p -> labels.add(p.label()));
    djl.forEach(c -> labels.add(c.label()));
    return labels;
  }

  /** Whether {@code --only} left anything but the roofs. */
  boolean isEmpty() {
    return cases.isEmpty()
        && programs.isEmpty()
        && djl.isEmpty()
        && roofCases.stream().noneMatch(c -> options.only().matcher(c.label()).find());
  }

  private double expectedSeconds() {
    return PEER_SECONDS * programs.size()
        + Stream.of(roofCases, cases, djl)
            .flatMap(List::stream)
            .mapToDouble(BenchmarkCase::expectedSeconds)
            .sum();
  }

  /**
   * Measures everything.
   *
   * @return how many benchmarks failed
   * @throws BenchmarkFailedException if not even the machine's roofs could be measured
   */
  int run() throws InterruptedException {
    double expected = expectedSeconds();
    progress.printf(
        Locale.ROOT,
        "%d benchmarks%s on %d threads, about %s; Ctrl-C ends it with what is known by then%n",
        labels().size(),
        options.quick() ? " (quick: fewer shapes, short runs)" : "",
        options.threads(),
        Progress.duration(expected));
    Progress line = new Progress(progress, labels().size(), expected);
    measureRoofs(line);
    for (BenchmarkCase benchmark : cases) {
      line.begin(benchmark.label());
      StepMemory memory = memory(benchmark);
      if (memory != null && memory.planBytes() > 0.9 * Machine.memoryBytes()) {
        note(
            "Skipped %s: it takes %s, and the machine has %s."
                .formatted(
                    benchmark.label(),
                    ByteSize.format(memory.planBytes()),
                    ByteSize.format(Machine.memoryBytes())));
      } else {
        measure(benchmark, m -> rows.add(new Row(m, memory)));
      }
      line.end(benchmark.expectedSeconds());
    }
    runPeers(line);
    for (BenchmarkCase benchmark : djl) {
      line.begin(benchmark.label());
      String missing = Peers.withoutDjl(benchmark);
      if (missing == null) {
        measure(benchmark, m -> peers.add(Peers.djlResult(m)));
      } else {
        note(missing);
      }
      line.end(benchmark.expectedSeconds());
    }
    line.finish();
    return failures;
  }

  private void measureRoofs(Progress line) {
    List<Measurement> measured = new ArrayList<>();
    for (BenchmarkCase benchmark : roofCases) {
      line.begin(benchmark.label());
      measured.add(CaseRunner.run(benchmark));
      line.end(benchmark.expectedSeconds());
    }
    double alone = measured.get(1).gigabytesPerSecond();
    // What one thread moves, the machine can move: a neighbour may have slowed the others down.
    double all = Math.max(alone, measured.getLast().gigabytesPerSecond());
    Roofs known = new Roofs(options.threads(), measured.getFirst().gflops(), all, alone);
    synchronized (this) {
      roofs = known;
    }
  }

  private void measure(BenchmarkCase benchmark, Consumer<Measurement> keep)
      throws InterruptedException {
    try {
      Measurement measurement = CaseRunner.run(benchmark);
      if (WarmUp.stillCompiling(measurement)) {
        note(
            "Left out %s: the JVM was still compiling it (%s on the heap a call)."
                .formatted(
                    benchmark.label(), ByteSize.format(Math.round(measurement.allocatedBytes()))));
        return;
      }
      synchronized (this) {
        keep.accept(measurement);
      }
    } catch (BenchmarkFailedException e) {
      // Ctrl-C ends the measuring JVM, too, a moment before or after this one hears of it.
      Thread.sleep(300);
      failures++;
      note("Failed: " + benchmark.label() + ", see above.");
      progress.println(e.getMessage());
    }
  }

  private void runPeers(Progress line) throws InterruptedException {
    Peers runner = new Peers(home.resolve("peers"), System.getenv());
    for (Program program : programs) {
      line.begin(program.label());
      Outcome outcome = runner.run(program);
      JsonObject result = outcome.result();
      String missing = outcome.missing();
      if (result != null) {
        synchronized (this) {
          peers.add(result);
        }
      } else if (missing != null) {
        note(missing);
      }
      line.end(PEER_SECONDS);
    }
  }

  private @Nullable StepMemory memory(BenchmarkCase benchmark) {
    String model = benchmark.param("model");
    String store = benchmark.param("store");
    if (benchmark.kind() != Kind.STEP || model == null || store == null) {
      return null;
    }
    return NetworkWork.memory(
        model, benchmark.pictures(), StoreFormat.valueOf(store), options.threads(), kernels);
  }

  private synchronized void note(String sentence) {
    notes.add(sentence);
  }

  /** What is known now. */
  synchronized SuiteReport report() {
    return new SuiteReport(
        commit,
        date,
        options.command(),
        Machine.processor(),
        Machine.system(),
        Machine.jdk(),
        kernels.description(),
        options.threads(),
        options.quick(),
        roofs,
        rows,
        peers,
        notes);
  }
}
