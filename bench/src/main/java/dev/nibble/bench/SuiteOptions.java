package dev.nibble.bench;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * The suite's arguments.
 *
 * @param quick whether the short form runs
 * @param only what a benchmark's label must contain
 * @param threads threads of stages, steps and inference
 * @param json where results go as JSON, or null
 * @param peers whether the peers' programs run, too
 * @param list whether labels are printed instead of run
 * @param command what was typed
 */
record SuiteOptions(
    boolean quick,
    Pattern only,
    int threads,
    @Nullable Path json,
    boolean peers,
    boolean list,
    String command) {
  static final String USAGE =
      """
      Usage: nibble bench [--quick] [--only REGEX] [--threads N] [--json FILE] [--peers] [--list]
             nibble bench --depth FILE [--only REGEX] [--missing] [--threads N]
             nibble bench --page

      Measures this machine and Nibble on it, each benchmark in a JVM of its own: the peak of fused
      multiply-adds and the bandwidth of copies, then codes, stages, whole training steps and
      inference, as shares of those.

        --quick         Fewer shapes and short runs: under three minutes.
        --only REGEX    Only benchmarks whose name contains a match, for example 'stage.*3x3'.
        --threads N     Threads that compute. Default: all cores.
        --json FILE     Also write every figure to FILE.
        --peers         Also run PyTorch and ONNX Runtime, where they are installed.
        --list          Print the benchmarks' names and run nothing.
        --depth FILE    Instead: memory and time of a step from ResNet-20 to ResNet-1001, and of
                        PyTorch's; FILE keeps the rows that are not measured again.
        --missing       With --depth: only rows that FILE does not hold.
        --page          Instead: write bench/README.md and its plots from bench/results/*.json.
        --help          Print this.

      Examples:
        nibble bench --quick
        nibble bench --only 'step resnet20' --json steps.json
        nibble bench --peers --json bench/results/suite.json
        nibble bench --depth bench/results/depth.json --missing
        nibble bench --page

      The machine should do nothing else meanwhile.""";

  /**
   * Reads the command line.
   *
   * @throws IllegalArgumentException with a sentence that says what is wrong and what to do
   */
  static SuiteOptions parse(String... arguments) {
    boolean quick = false;
    boolean peers = false;
    boolean list = false;
    Pattern only = Pattern.compile("");
    int threads = Runtime.getRuntime().availableProcessors();
    Path json = null;
    Iterator<String> rest = Arrays.asList(arguments).iterator();
    while (rest.hasNext()) {
      String option = rest.next();
      switch (option) {
        case "--quick" -> quick = true;
        case "--peers" -> peers = true;
        case "--list" -> list = true;
        case "--only" -> only = pattern(value(option, rest));
        case "--threads" -> threads = count(value(option, rest));
        case "--json" -> json = writable(value(option, rest));
        default ->
            throw new IllegalArgumentException(
                "Unknown argument '%s'; nibble bench --help lists what there is."
                    .formatted(option));
      }
    }
    String command = ("nibble bench " + String.join(" ", arguments)).strip();
    return new SuiteOptions(quick, only, threads, json, peers, list, command);
  }

  /** What stands behind an option; the sweep over depth reads its arguments alike. */
  static String value(String option, Iterator<String> rest) {
    if (!rest.hasNext()) {
      throw new IllegalArgumentException(
          "The option %s needs a value behind it; see nibble bench --help.".formatted(option));
    }
    return rest.next();
  }

  static Pattern pattern(String text) {
    try {
      return Pattern.compile(text);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "--only '%s' is no regular expression: %s near index %d; quote special characters with \\."
              .formatted(text, e.getDescription(), e.getIndex()),
          e);
    }
  }

  static int count(String text) {
    if (text.matches("[1-9][0-9]{0,3}") && Integer.parseInt(text) <= 1024) {
      return Integer.parseInt(text);
    }
    throw new IllegalArgumentException("--threads takes 1 to 1024, not '%s'.".formatted(text));
  }

  /** Checked before minutes are spent on what could not be written. */
  private static Path writable(String text) {
    Path file;
    try {
      file = Path.of(text).toAbsolutePath();
    } catch (InvalidPathException e) {
      throw new IllegalArgumentException("--json '%s' is not a file's name.".formatted(text), e);
    }
    Path folder = file.getParent();
    if (folder == null || !Files.isDirectory(folder) || Files.isDirectory(file)) {
      throw new IllegalArgumentException(
          "--json %s can't be written: name a file in a folder that exists.".formatted(text));
    }
    if (!Files.isWritable(Files.exists(file) ? file : folder)) {
      throw new IllegalArgumentException(
          "--json %s can't be written: access is denied; name another file.".formatted(text));
    }
    return file;
  }
}
