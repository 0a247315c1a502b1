import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;

/**
 * A JDK cut down to the modules that the jars use, and the archive of the classes that it loads.
 */
final class RuntimeImage {
  private static final Pattern LOADER = Pattern.compile("/lib[0-9a-z]*/ld-[A-Za-z0-9_.-]+");

  private final Path home;
  private final FileTime time;

  RuntimeImage(Path home, FileTime time) {
    this.home = home;
    this.time = time;
  }

  /** The system and processor that this JVM runs on, as archives are named after them. */
  static String platform() {
    String system = System.getProperty("os.name").toLowerCase(Locale.ROOT).replaceAll(" .*", "");
    String processor =
        System.getProperty("os.arch").equals("amd64") ? "x64" : System.getProperty("os.arch");
    return system + "-" + processor;
  }

  void link() throws IOException {
    String modules = String.join(",", modules());
    System.out.println("Runtime of the modules " + modules);
    Path runtime = home.resolve("runtime");
    tool(
        "jlink",
        "--add-modules",
        modules,
        "--strip-debug",
        "--no-header-files",
        "--no-man-pages",
        "--compress",
        "zip-6",
        "--output",
        runtime.toString());
    // The launcher looks for the loader to know whether this runtime fits the system.
    String program = Files.readString(runtime.resolve("bin/java"), StandardCharsets.ISO_8859_1);
    Matcher loader = LOADER.matcher(program);
    if (!loader.find()) {
      throw new IllegalStateException("The runtime's program names no loader: is this Linux?");
    }
    Files.writeString(runtime.resolve("loader"), loader.group() + "\n");
  }

  /** The JDK's modules that the jars need: explicit modules say so, of others jdeps knows. */
  private Set<String> modules() throws IOException {
    Set<String> system = new TreeSet<>();
    ModuleFinder.ofSystem().findAll().forEach(m -> system.add(m.descriptor().name()));
    Set<String> needed = new TreeSet<>(Set.of("java.base"));
    for (Path jar : Distribution.sorted(home.resolve("lib"))) {
      ModuleDescriptor descriptor = descriptor(jar);
      if (descriptor != null && !descriptor.isAutomatic()) {
        descriptor.requires().stream()
            .filter(r -> !r.modifiers().contains(ModuleDescriptor.Requires.Modifier.STATIC))
            .map(ModuleDescriptor.Requires::name)
            .filter(system::contains)
            .forEach(needed::add);
      } else {
        String found =
            tool(
                "jdeps",
                "--ignore-missing-deps",
                "--multi-release",
                "25",
                "--print-module-deps",
                jar.toString());
        String last = found.strip().lines().reduce("", (first, second) -> second);
        List.of(last.split(",")).stream().filter(system::contains).forEach(needed::add);
      }
    }
    return needed;
  }

  private static ModuleDescriptor descriptor(Path jar) {
    Set<ModuleReference> found = ModuleFinder.of(jar).findAll();
    return found.isEmpty() ? null : found.iterator().next().descriptor();
  }

  /**
   * Notes what a few commands load and archives that. Not the AOT cache: it leaves out classes as
   * old as Picocli's, and starts in half as much time again.
   */
  void archiveClasses() throws Exception {
    Path work = Files.createTempDirectory("nibble-classes");
    Set<String> classes = new LinkedHashSet<>();
    List<List<String>> commands =
        List.of(
            List.of("--version"),
            List.of("info"),
            List.of(
                "train",
                "--model",
                "resnet8",
                "--steps",
                "2",
                "--batch",
                "32",
                "--out",
                work.resolve("run").toString()),
            List.of("predict", "--help"));
    for (List<String> command : commands) {
      Path list = work.resolve("classes.txt");
      nibble(List.of("-XX:DumpLoadedClassList=" + list), command);
      for (String line : Files.readAllLines(list)) {
        // Not those that a loader of its own defined. And no constants to be resolved: that would
        // link classes as old as Picocli's, and linked ones are left out.
        if (!line.contains(" super: ") && !line.startsWith("@cp ")) {
          classes.add(line.replaceAll(" id: [0-9]+$", "")); // ids are each run's own
        }
      }
    }
    Path all = Files.write(work.resolve("all.txt"), classes);
    Path archive = home.resolve("lib/nibble.jsa");
    nibble(
        List.of(
            "-Xshare:dump", "-XX:SharedClassListFile=" + all, "-XX:SharedArchiveFile=" + archive),
        List.of());
    Files.setLastModifiedTime(archive, time);
    Files.setLastModifiedTime(home.resolve("lib"), time);
  }

  private void nibble(List<String> options, List<String> arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(home.resolve("runtime/bin/java").toString());
    command.add("@" + home.resolve("lib/nibble.options"));
    command.addAll(options);
    command.addAll(List.of("-jar", home.resolve("lib/nibble.jar").toString()));
    command.addAll(arguments);
    run(command);
  }

  /** Runs a program on the JDK that runs this. */
  static void java(List<String> options, List<String> arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.addAll(arguments);
    try {
      run(command);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted");
    }
  }

  private static void run(List<String> command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IllegalStateException("failed: " + String.join(" ", command) + "\n" + output);
    }
  }

  private static String tool(String name, String... arguments) {
    ToolProvider tool =
        ToolProvider.findFirst(name)
            .orElseThrow(
                () ->
                    new IllegalStateException("this JDK has no " + name + ": take a full JDK 25."));
    StringWriter out = new StringWriter();
    PrintWriter printer = new PrintWriter(out);
    if (tool.run(printer, printer, arguments) != 0) {
      throw new IllegalStateException(name + " failed: " + out);
    }
    return out.toString();
  }
}
