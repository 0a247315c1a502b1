package dev.nibble.samples;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code nibble data}: what there is to do with data sets. */
@Command(
    name = "data",
    mixinStandardHelpOptions = true,
    usageHelpAutoWidth = true,
    description = "Fetches data sets.",
    subcommands = FetchCommand.class)
final class DataCommand implements Runnable {
  @Spec CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }
}
