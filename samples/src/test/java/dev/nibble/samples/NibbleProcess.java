package dev.nibble.samples;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/** The command line in a process of its own, as a user runs it. */
public final class NibbleProcess implements AutoCloseable {
  private static final long MOST_SECONDS = 120;

  private final Process process;
  private final Path out;
  private final Path err;

  private NibbleProcess(Process process, Path out, Path err) {
    this.process = process;
    this.out = out;
    this.err = err;
  }

  /** How a process ended. */
  public record Result(int code, String out, String err) {}

  /** Starts a process; what it prints goes to files in {@code folder}, which is its own, too. */
  static NibbleProcess start(Path folder, List<String> arguments) throws IOException {
    return start(folder, List.of(), Map.of(), arguments);
  }

  /**
   * Starts a process.
   *
   * @param options further ones of the JVM
   * @param environment further variables
   */
  static NibbleProcess start(
      Path folder, List<String> options, Map<String, String> environment, List<String> arguments)
      throws IOException {
    return started(folder, environment, command(Nibble.class, options, arguments));
  }

  /**
   * Starts a process of {@link CommandSequence}: commands, each a list of words, in their order.
   */
  static NibbleProcess startSequence(
      Path folder,
      List<String> options,
      Map<String, String> environment,
      List<List<String>> commands)
      throws IOException {
    List<String> lines =
        commands.stream().map(words -> String.join(CommandSequence.SEPARATOR, words)).toList();
    Path file = Files.write(Files.createTempFile(folder, "commands", ".txt"), lines);
    List<String> all = new ArrayList<>(options);
    if (System.getProperty("jdk.module.path") != null) {
      all.add("--patch-module=dev.nibble.samples=" + testClasses());
    }
    return started(
        folder, environment, command(CommandSequence.class, all, List.of(file.toString())));
  }

  private static Path testClasses() {
    URL place = Objects.requireNonNull(CommandSequence.class.getResource("CommandSequence.class"));
    String name = CommandSequence.class.getName();
    Path classes = Path.of(URI.create(place.toString()));
    for (int part = 0; part < name.split("\\.", -1).length; part++) {
      classes = Objects.requireNonNull(classes.getParent());
    }
    return classes;
  }

  /** Runs a process whose output goes to a file, such as one on a full disk. */
  static Result runInto(String file, Path folder, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("/bin/sh", "-c", "exec \"$@\" > " + file, "sh"));
    command.addAll(command(Nibble.class, List.of(), List.of(arguments)));
    try (NibbleProcess process = started(folder, Map.of(), command)) {
      return process.await();
    }
  }

  private static List<String> command(Class<?> main, List<String> options, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    // A short life: what is compiled is compiled quickly. Without C2 only scalar kernels compute.
    command.addAll(List.of("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.add("-Dnibble.kernels=scalar");
    command.add("-Djava.awt.headless=true");
    command.addAll(options);
    String modules = System.getProperty("jdk.module.path");
    if (modules != null) {
      command.add("--enable-native-access=dev.nibble.memory,dev.nibble.kernels,dev.nibble.engine");
      command.addAll(List.of("--module-path", modules));
      // Maven leaves on the class path what only automatic modules need.
      command.addAll(List.of("--class-path", System.getProperty("java.class.path", "")));
      command.addAll(List.of("--module", "dev.nibble.samples/" + main.getName()));
    } else {
      command.add("--enable-native-access=ALL-UNNAMED");
      command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
      command.addAll(List.of("--class-path", System.getProperty("java.class.path")));
      command.add(main.getName());
    }
    command.addAll(arguments);
    return command;
  }

  private static NibbleProcess started(
      Path folder, Map<String, String> environment, List<String> command) throws IOException {
    Path out = Files.createTempFile(folder, "out", ".txt");
    Path err = Files.createTempFile(folder, "err", ".txt");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectInput(new File("/dev/null"))
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    builder.environment().putAll(environment);
    return new NibbleProcess(builder.start(), out, err);
  }

  /** Runs a process to its end. */
  public static Result run(Path folder, String... arguments)
      throws IOException, InterruptedException {
    try (NibbleProcess process = start(folder, List.of(arguments))) {
      return process.await();
    }
  }

  /** Waits for the end. */
  Result await() throws IOException, InterruptedException {
    return await(1);
  }

  /** Waits for the end of so many commands. */
  Result await(int commands) throws IOException, InterruptedException {
    long most = commands * MOST_SECONDS;
    if (!process.waitFor(most, TimeUnit.SECONDS)) {
      throw new AssertionError("Still running after " + most + " s: " + Files.readString(out));
    }
    // The JVM's own line about the incubator module is none of ours.
    String errors = Files.readString(err).replaceAll("WARNING: Using incubator modules.*\\R", "");
    return new Result(process.exitValue(), Files.readString(out), errors);
  }

  /** Waits until it has printed a text, and returns what it has printed by then. */
  String awaitOutput(String text) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(MOST_SECONDS);
    String printed = Files.readString(out);
    while (!printed.contains(text)) {
      if (!process.isAlive() || System.nanoTime() > deadline) {
        throw new AssertionError(
            "It never printed '%s': %s%s".formatted(text, printed, Files.readString(err)));
      }
      Thread.sleep(5);
      printed = Files.readString(out);
    }
    return printed;
  }

  /** Sends a signal by its name, such as {@code STOP}. */
  void signal(String name) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Sends SIGTERM. */
  void terminate() {
    process.destroy();
  }

  /** Sends SIGKILL. */
  void kill() {
    process.destroyForcibly();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
