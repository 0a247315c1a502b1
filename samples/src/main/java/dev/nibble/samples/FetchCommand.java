package dev.nibble.samples;

import dev.nibble.engine.data.sources.DataSources;
import java.net.URI;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nibble data fetch}: downloads a data set's official files and checks them. */
@Command(
    name = "fetch",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Downloads a data set from its makers, checks it by SHA-256 and puts it where",
      "nibble train --data NAME finds it. A download that was cut off goes on where it stopped."
    },
    footer = {
      "",
      "Examples:",
      "  nibble data fetch cifar10",
      "  nibble data fetch fashion-mnist --to data/fashion-mnist",
      "",
      "The environment variable NIBBLE_DATA names another home for all data sets."
    })
final class FetchCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "NAME", description = "cifar10, cifar100 or fashion-mnist.")
  private String name = "";

  @Option(
      names = "--from",
      paramLabel = "URL",
      description = "A mirror: the address that the files' names are appended to.")
  private @Nullable String from;

  @Option(
      names = "--to",
      paramLabel = "FOLDER",
      description = "Where the data goes. Default: a folder NAME in the home of data sets.")
  private @Nullable String to;

  @Option(names = "--no-progress", description = "Print no progress.")
  private boolean noProgress;

  @Override
  public Integer call() throws InterruptedException {
    Archives archives = Archives.of(Names.choose("NAME", name, Archives.NAMES));
    URI address = address(archives);
    Path folder =
        to == null ? DataSources.dataHome().resolve(archives.name()) : BadInputException.path(to);
    if (archives.isIn(folder)) {
      spec.commandLine().getOut().printf("%s is in %s already%n", archives.name(), folder);
      return 0;
    }
    LiveLine line = LiveLine.of(spec.commandLine().getOut(), noProgress);
    try (Download download = new Download(line)) {
      new Fetcher(archives, address, folder, download).run();
    } finally {
      line.clear();
    }
    spec.commandLine()
        .getOut()
        .printf(
            "%s is in %s%nTrain on it with: nibble train --data %s%n",
            archives.name(), folder, to == null ? archives.name() : folder);
    return 0;
  }

  private URI address(Archives archives) {
    String mirror = from;
    if (mirror == null) {
      return archives.address();
    }
    String folderAddress = mirror.endsWith("/") ? mirror : mirror + "/";
    URI address = BadInputException.check(() -> URI.create(folderAddress));
    String scheme = address.getScheme();
    if (scheme == null || !(scheme.equals("http") || scheme.equals("https"))) {
      throw new BadInputException("--from '" + mirror + "' is no http or https address.");
    }
    return address;
  }
}
