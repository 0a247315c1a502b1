package dev.nibble.bench;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where the peers' scripts and the results lie. */
final class BenchFolder {
  private BenchFolder() {}

  /** The bench folder: the one whose target folder holds this jar, or else the working folder. */
  static Path find() {
    URI jar;
    try {
      jar = BenchFolder.class.getProtectionDomain().getCodeSource().getLocation().toURI();
    } catch (URISyntaxException e) {
      throw new IllegalStateException("The benchmarks' jar has a place that is no URI", e);
    }
    Path target = Path.of(jar).getParent();
    Path folder = target == null ? null : target.getParent();
    return folder != null && Files.isDirectory(folder.resolve("peers"))
        ? folder
        : Path.of("").toAbsolutePath();
  }
}
