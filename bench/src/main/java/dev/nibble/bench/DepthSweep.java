package dev.nibble.bench;

import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.provider.KernelUnavailableException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Measures memory and time of a step by depth, from ResNet-20 to ResNet-1001, in every mode and in
 * PyTorch, each in a process of its own, and keeps a JSON file up to date: a row is written as soon
 * as it is measured, and replaces the one of its name. Exit code: 0 done, 1 failed, 2 bad input.
 */
public final class DepthSweep {
  static final String USAGE =
      """
      Usage: nibble bench --depth FILE [--only REGEX] [--missing] [--threads N]

      Measures memory and time of a training step by depth, for the results page.

        FILE            The JSON file, for instance bench/results/depth.json; rows that are not
                        measured again stay in it.
        --only REGEX    Only rows whose name contains a match, for example 'resnet164 int4'.
        --missing       Only rows that the file does not hold.
        --threads N     Threads that compute. Default: all cores.""";

  private static final int FAILED = 1;
  private static final int BAD_INPUT = 2;

  private Pattern only = Pattern.compile("");
  private boolean missing;
  private int threads = Runtime.getRuntime().availableProcessors();
  private final Path file;

  private DepthSweep(String... arguments) {
    if (arguments.length == 0 || arguments[0].startsWith("-")) {
      throw new IllegalArgumentException("Name the JSON file first: nibble bench --depth FILE.");
    }
    file = Path.of(arguments[0]).toAbsolutePath();
    Iterator<String> rest = Arrays.asList(arguments).subList(1, arguments.length).iterator();
    while (rest.hasNext()) {
      String option = rest.next();
      switch (option) {
        case "--only" -> only = SuiteOptions.pattern(SuiteOptions.value(option, rest));
        case "--missing" -> missing = true;
        case "--threads" -> threads = SuiteOptions.count(SuiteOptions.value(option, rest));
        default ->
            throw new IllegalArgumentException(
                "Unknown argument '%s': give --only, --missing or --threads.".formatted(option));
      }
    }
  }

  /** Runs the program. */
  public static void main(String[] arguments) throws InterruptedException {
    System.exit(run(arguments));
  }

  /** The program without its exit. */
  static int run(String... arguments) throws InterruptedException {
    if (Arrays.asList(arguments).contains("--help")) {
      System.out.println(USAGE);
      return 0;
    }
    try {
      return new DepthSweep(arguments)
          .measure("nibble bench --depth " + String.join(" ", arguments));
    } catch (IllegalArgumentException | KernelUnavailableException e) {
      System.err.println("nibble: " + e.getMessage());
      return BAD_INPUT;
    } catch (IOException e) {
      System.err.println("nibble: " + e.getMessage() + ".");
      return FAILED;
    }
  }

  private int measure(String command) throws IOException, InterruptedException {
    Kernels kernels = BenchKernels.choose();
    DepthFile results = DepthFile.open(file, command, threads, kernels.description());
    Peers peers = new Peers(BenchFolder.find().resolve("peers"), System.getenv());
    DepthRunner runner = new DepthRunner(threads, kernels, peers);
    List<DepthCase> cases =
        DepthCase.all().stream()
            .filter(c -> only.matcher(c.name()).find())
            .filter(c -> !missing || !results.holds(c.name()))
            .toList();
    if (cases.isEmpty()) {
      throw new IllegalArgumentException(
          missing
              ? "The file holds every such row already; leave --missing out to measure them again."
              : "No row's name contains a match of '%s'; 'resnet164 int4 batch 128' is one."
                  .formatted(only));
    }
    long start = System.nanoTime();
    for (int i = 0; i < cases.size(); i++) {
      DepthCase row = cases.get(i);
      System.out.printf(
          "%4.0f s  %d of %d: %s%n",
          (System.nanoTime() - start) / 1e9, i + 1, cases.size(), row.name());
      results.put(row.name(), runner.measure(row));
    }
    System.out.println("Written to " + file);
    return 0;
  }
}
