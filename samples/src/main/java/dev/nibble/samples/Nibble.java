package dev.nibble.samples;

import dev.nibble.engine.collective.CollectiveException;
import dev.nibble.kernels.DeviceException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The command {@code nibble}: trains convolutional networks that keep their activations in 4 bits.
 */
@Command(
    name = "nibble",
    mixinStandardHelpOptions = true,
    versionProvider = Release.class,
    synopsisSubcommandLabel = "COMMAND",
    description = "Trains convolutional networks in a fraction of the memory.",
    subcommands = {
      TrainCommand.class,
      LrFindCommand.class,
      EvaluateCommand.class,
      PredictCommand.class,
      ExportCommand.class,
      InspectCommand.class,
      PlanCommand.class,
      GradientsCommand.class,
      InfoCommand.class,
      DataCommand.class,
      ServeCommand.class,
      BenchCommand.class,
      EvidenceCommand.class
    },
    footer = {
      "",
      "Start here:",
      "  nibble train                       ResNet-20 on an embedded data set, a few minutes",
      "  nibble train --help                all options, with examples",
      "  nibble plan --model resnet164      what a run would need in memory, before it runs",
      "",
      "Exit code: 0 done, 1 failed, 2 bad input."
    })
public final class Nibble implements Runnable {
  /** The arguments were wrong, or what they name is: nothing was lost. */
  static final int BAD_INPUT = 2;

  /** Something failed that no other input would have spared. */
  static final int FAILED = 1;

  @Spec CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--stacktrace",
      scope = ScopeType.INHERIT,
      description = "Also print where in the program an error arose.")
  private boolean stacktrace;

  private Nibble() {}

  /** Runs the command named by the arguments and exits: 0 done, 1 failed, 2 bad input. */
  public static void main(String[] args) {
    // Digits and words are the same everywhere, for people and for programs that read them.
    Locale.setDefault(Locale.ROOT);
    plainLog();
    WatchedOutput watched = new WatchedOutput(new FileOutputStream(FileDescriptor.out));
    PrintWriter out = new PrintWriter(watched, true, System.out.charset());
    PrintWriter err = new PrintWriter(System.err, true, System.err.charset());
    System.exit(told(run(out, err, args), watched, err));
  }

  /** The exit code, once it is known whether all of the output was taken. */
  private static int told(int code, WatchedOutput out, PrintWriter err) {
    IOException failure = out.failure();
    if (failure == null) {
      return code;
    }
    err.println(
        "nibble: Not all of the output could be written: "
            + (failure.getMessage() == null ? failure.toString() : failure.getMessage())
            + ".");
    err.flush();
    return code == 0 ? FAILED : code;
  }

  /**
   * What the libraries log, such as why the kernels are slow, reads like the command's own words.
   */
  private static void plainLog() {
    String format = "java.util.logging.SimpleFormatter.format";
    if (System.getProperty(format) == null) {
      System.setProperty(format, "nibble: %5$s%n");
    }
  }

  /** Runs a command within this process and returns its exit code. */
  static int run(PrintWriter out, PrintWriter err, String... args) {
    if (args.length == 1 && (args[0].equals("--version") || args[0].equals("-V"))) {
      // Said without Picocli, which reads every command's annotations first: half of the start.
      out.println(Release.line());
      out.flush();
      return 0;
    }
    Nibble nibble = new Nibble();
    CommandLine line = new CommandLine(nibble);
    line.setOut(out).setErr(err).setUsageHelpWidth(100).setUsageHelpAutoWidth(true);
    line.setParameterExceptionHandler((e, arguments) -> wrongUsage(e));
    line.setExecutionExceptionHandler((e, command, result) -> nibble.failed(e, err));
    try {
      return line.execute(args);
    } catch (OutOfMemoryError e) {
      // Caught here because nothing else needs the heap any more, and a user can do something.
      err.println("nibble: " + outOfMemory(e));
      return BAD_INPUT;
    } finally {
      out.flush();
      err.flush();
    }
  }

  private static String outOfMemory(OutOfMemoryError e) {
    String message = String.valueOf(e.getMessage());
    if (message.contains("native thread")) {
      return "The system gives this process no more threads: take fewer --threads.";
    }
    return "The Java heap is full: take fewer --threads, a smaller batch or picture, or give more"
        + " with NIBBLE_JAVA_OPTS=-Xmx2g.";
  }

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  private static int wrongUsage(ParameterException e) {
    CommandLine command = e.getCommandLine();
    StringBuilder sentence = new StringBuilder(oneLine(String.valueOf(e.getMessage())));
    if (e instanceof UnmatchedArgumentException unmatched && !unmatched.getUnmatched().isEmpty()) {
      String nearest =
          Names.nearest(unmatched.getUnmatched().getFirst(), unmatched.getSuggestions());
      sentence.append(nearest.isEmpty() ? "" : "; did you mean " + nearest + "?");
    }
    command
        .getErr()
        .println(
            "nibble: %s See %s --help."
                .formatted(ended(sentence.toString()), command.getCommandSpec().qualifiedName()));
    return BAD_INPUT;
  }

  private int failed(Exception thrown, PrintWriter err) {
    Exception e = thrown;
    if (stacktrace) {
      e.printStackTrace(err);
    }
    String sentence = BadInputException.sentenceOf(e);
    if (sentence != null) {
      err.println("nibble: " + ended(oneLine(sentence)));
      return BAD_INPUT;
    }
    if (e instanceof DeviceException d) {
      e = DeviceFailedException.of(d);
    }
    if (e instanceof DeviceFailedException || e instanceof CollectiveException) {
      err.println("nibble: " + ended(oneLine(String.valueOf(e.getMessage()))));
      return FAILED;
    }
    err.println("nibble: Unexpected " + oneLine(e.toString()) + " (--stacktrace shows where)");
    return FAILED;
  }

  private static String ended(String sentence) {
    return sentence.endsWith(".") || sentence.endsWith("?") ? sentence : sentence + ".";
  }

  private static String oneLine(String text) {
    return text.strip().replaceAll("\\s*\\R\\s*", " ");
  }
}
