package dev.nibble.samples;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Several commands in one process, one after the other: what the JVM compiled for one serves the
 * next. Ends with the first code that is not 0.
 */
final class CommandSequence {
  /** Between the words of a command. */
  static final String SEPARATOR = "\t";

  private CommandSequence() {}

  /** Argument: a file with a command a line. */
  public static void main(String[] args) throws IOException {
    PrintWriter out = new PrintWriter(System.out, true, System.out.charset());
    PrintWriter err = new PrintWriter(System.err, true, System.err.charset());
    int done = 0;
    for (String command : Files.readAllLines(Path.of(args[0]))) {
      out.println("== " + command.replace(SEPARATOR, " "));
      int code = Nibble.run(out, err, command.split(SEPARATOR, -1));
      if (code != 0) {
        System.exit(code);
      }
      done++;
    }
    out.println(said(done));
    System.exit(0); // as after each of them: nothing that still runs is waited for
  }

  /** The last line, where all went well. */
  static String said(int commands) {
    return "== " + commands + " done";
  }
}
