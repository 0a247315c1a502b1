package dev.nibble.samples;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/**
 * The command {@code nibble}: trains convolutional networks that keep their activations in 4 bits.
 */
@Command(
    name = "nibble",
    mixinStandardHelpOptions = true,
    version = "nibble 0.1.0",
    synopsisSubcommandLabel = "COMMAND",
    description = "Trains convolutional networks in a fraction of the memory.")
public final class Nibble {
  private Nibble() {}

  /** Runs the command named by the arguments and exits: 0 done, 1 failed, 2 bad input. */
  public static void main(String[] args) {
    System.exit(new CommandLine(new Nibble()).execute(args));
  }
}
