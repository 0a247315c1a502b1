package dev.nibble.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code nibble serve} in a process of its own, at a free port. */
final class ServedProcess implements AutoCloseable {
  private static final Pattern ADDRESS = Pattern.compile("Serving at (http://[^ ]+)");

  private final Process process;
  private final URI address;

  private ServedProcess(Process process, URI address) {
    this.process = process;
    this.address = address;
  }

  /**
   * Starts a service and waits until it listens.
   *
   * @param nibble the launcher
   * @throws IOException if it does not come up; what it said is on stderr
   */
  static ServedProcess start(Path nibble, Path home, List<String> options) throws IOException {
    return start(List.of(nibble.toString()), home, options);
  }

  /** As {@link #start(Path, Path, List)}, with words before the launcher's, or other ones. */
  static ServedProcess start(List<String> launcher, Path home, List<String> options)
      throws IOException {
    List<String> command = new ArrayList<>(launcher);
    command.addAll(List.of("serve", "--port", "0"));
    command.addAll(List.of("--home", home.toString()));
    command.addAll(options);
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
    for (String line = out.readLine(); line != null; line = out.readLine()) {
      Matcher matcher = ADDRESS.matcher(line);
      if (matcher.find()) {
        return new ServedProcess(process, URI.create(matcher.group(1)));
      }
    }
    process.destroy();
    throw new IOException("nibble serve did not start");
  }

  URI address() {
    return address;
  }

  /** Its id; the launcher becomes the JVM. */
  long pid() {
    return process.pid();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Ends it by SIGKILL, and returns once it is gone. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  @Override
  public void close() {
    // The process itself would close its streams first, and the service could not say its last.
    process.toHandle().destroy();
    try {
      if (!process.waitFor(120, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
