package dev.nibble.spark;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.spark.launcher.JavaModuleOptions;

/**
 * A real cluster on the loopback interface: a master and workers, each a process, of a SPARK_HOME
 * that is assembled from this test's class path. Closing it kills every process, executors too.
 */
final class StandaloneCluster implements AutoCloseable {
  private static final long START_SECONDS = 60;
  private static final long SUBMIT_SECONDS = 150;
  private static final int MOST_TEXT = 4000;
  private static final long LOOK_NANOS = 20_000_000;
  private static final long END_SECONDS = 10;

  private final Path home;
  private final Path logs;
  private final List<Process> processes = new ArrayList<>();
  private final List<Path> workerLogs = new ArrayList<>();
  private final List<String> applicationJars = new ArrayList<>();
  private final String master;

  /** Starts one whose workers have so many cores each; waits until all have registered. */
  StandaloneCluster(Path folder, int workers, int cores) throws IOException {
    home = Files.createDirectories(folder.resolve("spark"));
    logs = Files.createDirectories(folder.resolve("logs"));
    assemble();
    boolean started = false;
    try {
      Path log = logs.resolve("master.log");
      start(log, "org.apache.spark.deploy.master.Master", "--port", "0", "--webui-port", "0");
      master = await(log, Pattern.compile("Starting Spark master at (spark://127.0.0.1:\\d+)"));
      for (int i = 0; i < workers; i++) {
        startWorker(cores);
      }
      awaitWorkers();
      started = true;
    } finally {
      if (!started) {
        close();
      }
    }
  }

  /** Adds a worker, and waits until it has registered. */
  void add(int cores) throws IOException {
    startWorker(cores);
    awaitWorkers();
  }

  private void startWorker(int cores) throws IOException {
    Path log = logs.resolve("worker" + workerLogs.size() + ".log");
    start(
        log,
        "org.apache.spark.deploy.worker.Worker",
        "--port",
        "0",
        "--webui-port",
        "0",
        "--cores",
        Integer.toString(cores),
        "--memory",
        "1g",
        "--work-dir",
        home.resolveSibling("work" + workerLogs.size()).toString(),
        master);
    workerLogs.add(log);
  }

  private void awaitWorkers() throws IOException {
    for (Path log : workerLogs) {
      await(log, Pattern.compile("(Successfully registered)"));
    }
  }

  /** The address for a driver. */
  String master() {
    return master;
  }

  Path home() {
    return home;
  }

  /** Jars of Nibble, as spark.jars takes them. */
  String applicationJars() {
    return String.join(",", applicationJars);
  }

  /** Links to all jars of the class path; those of Nibble are an application's. */
  private void assemble() throws IOException {
    Path jars = Files.createDirectories(home.resolve("jars"));
    Path conf = Files.createDirectories(home.resolve("conf"));
    Files.writeString(
        conf.resolve("log4j2.properties"),
        """
        rootLogger.level = info
        rootLogger.appenderRef.console.ref = console
        appender.console.type = Console
        appender.console.name = console
        appender.console.target = SYSTEM_ERR
        appender.console.layout.type = PatternLayout
        appender.console.layout.pattern = %p %c{1}: %m%n
        """);
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
      Path path = Path.of(entry);
      boolean tests = entry.contains("test-classes") || entry.contains("resources");
      if (Files.isDirectory(path) && !tests && isNibble(path)) {
        applicationJars.add(pack(path, home.resolve("nibble" + applicationJars.size() + ".jar")));
      } else if (path.getFileName().toString().startsWith("nibble-")) {
        applicationJars.add(path.toString());
      } else if (entry.endsWith(".jar")) {
        Files.createSymbolicLink(jars.resolve(path.getFileName()), path.toAbsolutePath());
      }
    }
  }

  private static boolean isNibble(Path classes) {
    return Files.isDirectory(classes.resolve("dev").resolve("nibble"));
  }

  private static String pack(Path classes, Path jar) throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.walk(classes)) {
      files = all.filter(Files::isRegularFile).sorted().toList();
    }
    try (OutputStream out = Files.newOutputStream(jar);
        JarOutputStream target = new JarOutputStream(out)) {
      for (Path file : files) {
        target.putNextEntry(
            new JarEntry(classes.relativize(file).toString().replace(File.separatorChar, '/')));
        Files.copy(file, target);
        target.closeEntry();
      }
    }
    return jar.toString();
  }

  private void start(Path log, String main, String... arguments) throws IOException {
    List<String> all = new ArrayList<>(List.of("--host", "127.0.0.1"));
    all.addAll(List.of(arguments));
    processes.add(process("256m", main, all).redirectOutput(log.toFile()).start());
  }

  private ProcessBuilder process(String heap, String main, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of("-Xmx" + heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"));
    command.addAll(List.of(JavaModuleOptions.defaultModuleOptions().split(" ")));
    command.add("-cp");
    command.add(home.resolve("conf") + File.pathSeparator + home.resolve("jars").resolve("*"));
    command.add(main);
    command.addAll(arguments);
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectInput(new File("/dev/null"));
    builder.environment().put("SPARK_HOME", home.toString());
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().put("SPARK_LOCAL_IP", "127.0.0.1");
    builder.environment().put("SPARK_SCALA_VERSION", "2.13");
    return builder;
  }

  /** Runs an application as spark-submit does, and returns what it says. */
  String submit(String main, List<String> arguments) throws IOException, InterruptedException {
    List<String> all =
        new ArrayList<>(
            List.of(
                "--master",
                master,
                "--conf",
                "spark.ui.enabled=false",
                "--executor-memory",
                "512m",
                "--jars",
                applicationJars(),
                "--class",
                main,
                applicationJars.getFirst()));
    all.addAll(arguments);
    Path log = logs.resolve("submit.log");
    Process process =
        process("600m", "org.apache.spark.deploy.SparkSubmit", all)
            .redirectOutput(log.toFile())
            .start();
    processes.add(process);
    if (!process.waitFor(SUBMIT_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
      String said = text(log);
      throw new IOException(
          "spark-submit failed: " + said.substring(Math.max(0, said.length() - MOST_TEXT)));
    }
    return text(log);
  }

  private static String await(Path log, Pattern pattern) throws IOException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (true) {
      Matcher matcher = pattern.matcher(text(log));
      if (matcher.find()) {
        return matcher.group(1);
      }
      if (System.nanoTime() > end) {
        throw new IOException("%s does not say %s:%n%s".formatted(log, pattern, text(log)));
      }
      LockSupport.parkNanos(log, LOOK_NANOS);
    }
  }

  private static String text(Path log) {
    try {
      return Files.exists(log) ? Files.readString(log) : "";
    } catch (IOException e) {
      return e.toString();
    }
  }

  /** The executors that run now, processes of the workers'. */
  List<ProcessHandle> executors() {
    return processes.stream()
        .flatMap(process -> process.toHandle().descendants())
        .filter(handle -> handle.info().commandLine().orElse("").contains("ExecutorBackend"))
        .toList();
  }

  @Override
  public void close() {
    List<ProcessHandle> all = new ArrayList<>();
    for (Process process : processes) {
      process.toHandle().descendants().forEach(all::add);
      all.add(process.toHandle());
    }
    all.forEach(ProcessHandle::destroyForcibly);
    boolean interrupted = false;
    for (Process process : processes) {
      try {
        process.waitFor(END_SECONDS, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    unlink();
  }

  /** JUnit warns of every link in a temporary folder that leads out of it. */
  private void unlink() {
    try (Stream<Path> links = Files.list(home.resolve("jars"))) {
      for (Path link : links.toList()) {
        Files.delete(link);
      }
    } catch (IOException e) {
      // Then it warns.
    }
  }
}
