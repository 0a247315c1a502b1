package dev.nibble.bench;

import dev.nibble.bench.page.Page;
import dev.nibble.bench.page.ResultsException;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/**
 * Writes the page of results from the JSON files that the suite left: {@code ResultsPage RESULTS
 * PAGE}, for instance {@code bench/results bench/README.md}; the pictures go into the folder of
 * results. {@code nibble bench --page} starts it, too. Exit code: 0 done, 1 failed, 2 bad input.
 */
public final class ResultsPage {
  private static final int FAILED = 1;
  private static final int BAD_INPUT = 2;

  private ResultsPage() {}

  /** Runs the program. */
  public static void main(String[] arguments) {
    System.setProperty("java.awt.headless", "true");
    System.exit(run(arguments));
  }

  /** The program without its exit. */
  static int run(String... arguments) {
    if (arguments.length != 2) {
      System.err.println("usage: ResultsPage FOLDER_OF_RESULTS PAGE.md");
      return BAD_INPUT;
    }
    try {
      Page.write(Path.of(arguments[0]), Path.of(arguments[1]));
      System.out.println("Written: " + arguments[1]);
      return 0;
    } catch (ResultsException e) {
      System.err.println("nibble: " + e.getMessage());
      return BAD_INPUT;
    } catch (InvalidPathException e) {
      System.err.println("nibble: '" + e.getInput() + "' is not a file's name.");
      return BAD_INPUT;
    } catch (IOException e) {
      System.err.println("nibble: The page can't be written: " + e.getMessage() + ".");
      return FAILED;
    }
  }
}
