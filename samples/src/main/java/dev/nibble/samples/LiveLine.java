package dev.nibble.samples;

import java.io.Console;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/**
 * A line that says how far something is: moving in place on a terminal, in a log one line every few
 * seconds.
 */
final class LiveLine {
  private static final long TERMINAL_NANOS = 200_000_000L;
  private static final long LOG_NANOS = 5_000_000_000L;
  private static final int STANDARD_WIDTH = 80;

  private final PrintWriter out;
  private final boolean moving;
  private final boolean silent;
  private final int width;
  private long last = System.nanoTime();
  private boolean shown;

  LiveLine(PrintWriter out, boolean moving, boolean silent, int width) {
    this.out = out;
    this.moving = moving;
    this.silent = silent;
    this.width = width;
  }

  /** A line on the process's output; {@code silent} leaves only what {@link #print} prints. */
  @SuppressWarnings("SystemConsoleNull") // it is null again on 25 where there is no terminal
  static LiveLine of(PrintWriter out, boolean silent) {
    Console console = System.console();
    String term = System.getenv("TERM");
    boolean moving =
        !silent && console != null && console.isTerminal() && term != null && !term.equals("dumb");
    return new LiveLine(out, moving, silent, moving ? terminalWidth() : STANDARD_WIDTH);
  }

  private static int terminalWidth() {
    try {
      Process stty =
          new ProcessBuilder("stty", "size")
              .redirectInput(new File("/dev/tty"))
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String answer = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
      stty.waitFor(1, TimeUnit.SECONDS);
      String[] size = answer.strip().split(" ", -1);
      int columns = size.length == 2 ? Integer.parseInt(size[1]) : 0;
      return columns > 0 ? columns : STANDARD_WIDTH;
    } catch (IOException | NumberFormatException e) {
      return STANDARD_WIDTH;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return STANDARD_WIDTH;
    }
  }

  /** Whether the line should be shown again. */
  boolean isDue() {
    return !silent && System.nanoTime() - last >= (moving ? TERMINAL_NANOS : LOG_NANOS);
  }

  /** Shows a new state. */
  void show(String text) {
    last = System.nanoTime();
    if (moving) {
      // The last column stays free: some terminals go to the next line once it is filled.
      String cut = text.length() < width ? text : text.substring(0, Math.max(0, width - 1));
      out.print("\r" + cut + "\u001b[K");
      out.flush();
      shown = true;
    } else {
      out.println(text);
    }
  }

  /** Prints a line that stays; the moving one is shown again below it when it is due. */
  void print(String text) {
    clear();
    out.println(text);
  }

  /** Takes the moving line away. */
  void clear() {
    if (shown) {
      out.print("\r\u001b[K");
      out.flush();
      shown = false;
    }
  }
}
