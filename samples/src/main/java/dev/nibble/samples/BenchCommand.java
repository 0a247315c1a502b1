package dev.nibble.samples;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code nibble bench}: starts the benchmark suite, which is a program of its own with libraries of
 * its own, in a JVM of its own.
 */
@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Measures Nibble as shares of what this machine can do, and beside its peers.",
      "The machine: the peak of fused multiply-adds and the bandwidth of copies. Nibble: codes,"
          + " whole",
      "stages, training steps, inference."
    },
    footer = {
      "",
      "Each benchmark runs in a JVM of its own. Progress says how long the rest takes; Ctrl-C ends"
          + " it",
      "with what is known by then. The machine should do nothing else meanwhile.",
      "",
      "Examples:",
      "  nibble bench --quick",
      "  nibble bench --only 'stage .*3x3' --threads 1",
      "  nibble bench --peers --json bench/results/suite.json",
      "  nibble bench --depth bench/results/depth.json --missing",
      "  nibble bench --page"
    })
final class BenchCommand implements Callable<Integer> {
  /** System property by which the launcher says where the checkout lies. */
  static final String HOME_PROPERTY = "nibble.home";

  private static final String OPTIONS_VARIABLE = "NIBBLE_JAVA_OPTS";
  private static final String INCUBATOR = "WARNING: Using incubator modules: ";

  @Spec CommandSpec spec = CommandSpec.create();

  @Option(names = "--quick", description = "Fewer shapes and short runs: under three minutes.")
  private boolean quick;

  @Option(
      names = "--only",
      paramLabel = "REGEX",
      description = "Only benchmarks whose name contains a match (--list prints the names).")
  private @Nullable String only;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads that compute. Default: all cores.")
  private @Nullable String threads;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Also write every figure to FILE, with machine, JDK, commit and command.")
  private @Nullable String json;

  @Option(
      names = "--peers",
      description = "Also run PyTorch and ONNX Runtime, where they are installed.")
  private boolean peers;

  @Option(names = "--list", description = "Print the benchmarks' names and run nothing.")
  private boolean list;

  @Option(
      names = "--depth",
      paramLabel = "FILE",
      description = {
        "Instead: memory and time of a step from ResNet-20 to ResNet-1001, and of PyTorch's;",
        "FILE keeps the rows that are not measured again (--only, --missing)."
      })
  private @Nullable String depth;

  @Option(names = "--missing", description = "With --depth: only rows that FILE does not hold.")
  private boolean missing;

  @Option(
      names = "--service",
      paramLabel = "FILE",
      description = "Instead: what a retraining costs the clients of nibble serve, in two minutes.")
  private @Nullable String service;

  @Option(
      names = "--soak",
      paramLabel = "FILE",
      description = {
        "Instead: nibble serve under load, killed at random and on a full disk, for --minutes;",
        "whether all that it acknowledged is there."
      })
  private @Nullable String soak;

  @Option(names = "--minutes", paramLabel = "N", description = "With --soak. Default: 120.")
  private @Nullable String minutes;

  @Option(
      names = "--requests-per-second",
      paramLabel = "R",
      description = "With --soak: at most so many. Default: 40.")
  private @Nullable String rate;

  @Option(
      names = "--page",
      description = "Instead: write bench/README.md and its plots from bench/results/*.json.")
  private boolean page;

  @Override
  @SuppressWarnings("try") // the hook is held, not used
  public Integer call() throws IOException, InterruptedException {
    Path jar = Path.of(System.getProperty(HOME_PROPERTY, ""), "bench", "target", "benchmarks.jar");
    if (!Files.isRegularFile(jar)) {
      throw new BadInputException(
          "The benchmarks are not built (%s is missing): run mvn package -pl bench -am -DskipTests first."
              .formatted(jar));
    }
    PrintWriter err = spec.commandLine().getErr();
    Process suite =
        new ProcessBuilder(command(jar))
            .redirectInput(ProcessBuilder.Redirect.INHERIT)
            .redirectOutput(ProcessBuilder.Redirect.INHERIT)
            .start();
    // Ctrl-C reaches the suite, too, which still prints what it knows: wait for that. A process
    // would close its streams when it is told to end; its handle does not.
    try (StopOnSignal stop =
            new StopOnSignal(
                suite.toHandle()::destroy, err, "nibble: The benchmarks did not stop.");
        BufferedReader lines = suite.errorReader()) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (!line.startsWith(INCUBATOR)) {
          err.println(line);
        }
      }
      return suite.waitFor();
    }
  }

  /** The heap and the collector of the launcher, so that what is measured is what is run. */
  private List<String> command(Path jar) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx512m", "-XX:+UseSerialGC", "-Djava.awt.headless=true"));
    command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
    command.addAll(
        List.of("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"));
    String options = System.getenv(OPTIONS_VARIABLE);
    if (options != null && !options.isBlank()) {
      command.addAll(List.of(options.strip().split("\\s+", -1)));
    }
    command.addAll(List.of("-cp", jar.toString(), "dev.nibble.bench.Suite"));
    value(command, "--depth", depth); // first: it chooses another program
    value(command, "--service", service); // and so do these
    value(command, "--soak", soak);
    value(command, "--minutes", minutes);
    value(command, "--requests-per-second", rate);
    flag(command, "--page", page);
    flag(command, "--quick", quick);
    value(command, "--only", only);
    value(command, "--threads", threads);
    value(command, "--json", json);
    flag(command, "--peers", peers);
    flag(command, "--list", list);
    flag(command, "--missing", missing);
    return command;
  }

  private static void flag(List<String> command, String name, boolean given) {
    if (given) {
      command.add(name);
    }
  }

  private static void value(List<String> command, String name, @Nullable String given) {
    if (given != null) {
      command.addAll(List.of(name, given));
    }
  }
}
