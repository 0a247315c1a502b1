package dev.nibble.samples;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine.IVersionProvider;

/** Which version of Nibble this is: the build writes it beside this class. */
final class Release implements IVersionProvider {
  private static final String FILE = "version.txt";

  /** Returns the version, for example {@code 0.1.0}. */
  static String version() {
    try (InputStream in = Release.class.getResourceAsStream(FILE)) {
      if (in == null) {
        return "unknown";
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What {@code --version} says. */
  static String line() {
    return "nibble " + version();
  }

  @Override
  public String[] getVersion() {
    return new String[] {line()};
  }
}
