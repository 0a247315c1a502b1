package dev.nibble.bench;

import dev.nibble.engine.json.JsonWriter;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.kernels.provider.KernelUnavailableException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The benchmark suite as a program that needs no knowledge of JMH: measures, prints tables, writes
 * JSON ({@link SuiteJson} says what it holds). {@code nibble bench} starts it; {@code --help} lists
 * its arguments. Exit code: 0 done, 1 failed, 2 bad input.
 */
public final class Suite {
  private static final int FAILED = 1;
  private static final int BAD_INPUT = 2;

  private Suite() {}

  /** Runs the program. */
  public static void main(String[] arguments) throws Exception {
    System.exit(run(arguments));
  }

  private static int run(String... arguments) throws Exception {
    if (arguments.length > 0 && arguments[0].equals("--depth")) {
      return DepthSweep.run(Arrays.copyOfRange(arguments, 1, arguments.length));
    }
    if (arguments.length > 0 && arguments[0].equals("--service")) {
      return ServiceLoad.run(Arrays.copyOfRange(arguments, 1, arguments.length));
    }
    if (arguments.length > 0 && arguments[0].equals("--soak")) {
      return ServiceSoak.run(Arrays.copyOfRange(arguments, 1, arguments.length));
    }
    if (Arrays.asList(arguments).contains("--page")) {
      if (arguments.length > 1) {
        System.err.println("nibble: The option --page stands alone: it measures nothing.");
        return BAD_INPUT;
      }
      Path bench = BenchFolder.find();
      return ResultsPage.run(
          bench.resolve("results").toString(), bench.resolve("README.md").toString());
    }
    if (Arrays.asList(arguments).contains("--help")) {
      System.out.println(SuiteOptions.USAGE);
      return 0;
    }
    SuiteRun run;
    SuiteOptions options;
    try {
      options = SuiteOptions.parse(arguments);
      run = new SuiteRun(options, kernels(), BenchFolder.find(), System.err);
    } catch (IllegalArgumentException | KernelUnavailableException e) {
      System.err.println("nibble: " + e.getMessage());
      return BAD_INPUT;
    }
    if (run.isEmpty()) {
      System.err.println(
          "nibble: No benchmark's name contains a match of '%s'; nibble bench --list prints them all."
              .formatted(options.only()));
      return BAD_INPUT;
    }
    if (options.list()) {
      run.labels().forEach(System.out::println);
      return 0;
    }
    return measure(run, options);
  }

  private static Kernels kernels() {
    String reason = KernelProvider.whyNoVector();
    if (reason != null) {
      throw new KernelUnavailableException("The suite measures vector kernels: " + reason);
    }
    return BenchKernels.choose();
  }

  private static int measure(SuiteRun run, SuiteOptions options) throws Exception {
    AtomicBoolean ended = new AtomicBoolean();
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  if (!ended.getAndSet(true)) {
                    stop(run, options);
                  }
                },
                "nibble-stop"));
    int failures;
    try {
      failures = run.run();
    } catch (BenchmarkFailedException e) {
      if (!ended.getAndSet(true)) {
        System.err.println("nibble: " + e.getMessage());
      }
      return FAILED;
    }
    if (ended.getAndSet(true)) {
      return FAILED;
    }
    boolean written = report(run.report(), options, System.out);
    return failures == 0 && written ? 0 : FAILED;
  }

  /** Ctrl-C or SIGTERM: what is measured is worth something all the same. */
  private static void stop(SuiteRun run, SuiteOptions options) {
    ProcessHandle.current().descendants().forEach(ProcessHandle::destroy);
    SuiteReport report = run.report();
    report(report, options, System.out);
    System.err.println(
        "nibble: Stopped after %d of %d benchmarks; nibble bench --only REGEX measures just the rest."
            .formatted(report.rows().size(), run.labels().size()));
  }

  private static boolean report(SuiteReport report, SuiteOptions options, PrintStream out) {
    SuiteTables.of(report).forEach(out::println);
    out.flush();
    Path file = options.json();
    if (file == null) {
      return true;
    }
    try {
      Files.writeString(file, JsonWriter.indented(SuiteJson.of(report)) + "\n");
      out.println("\nWritten to " + file);
      return true;
    } catch (IOException e) {
      System.err.println("nibble: Can't write " + file + ": " + e.getMessage() + ".");
      return false;
    }
  }
}
