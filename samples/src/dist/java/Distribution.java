import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;

/**
 * Lays out what a user unpacks, in {@code target/dist}: {@code portable} for any system with a JDK,
 * and {@code image}, the same with a runtime of its own for the system that this runs on.
 *
 * <p>Run by {@code mvn -P dist package}, after man pages and the list of parts were made.
 */
final class Distribution {
  private static final String MAIN = "dev.nibble.samples.Nibble";

  private final Path target;
  private final Path sources;
  private final Path root;
  private final String folder;
  private final FileTime time;
  private final Path repository;

  private Distribution(String[] args) {
    root = Path.of(args[0]);
    target = root.resolve("samples/target");
    sources = root.resolve("samples/src/dist");
    folder = "nibble-" + args[1];
    time = FileTime.from(Instant.parse(args[2]));
    repository = Path.of(args[3]);
  }

  /**
   * Makes both.
   *
   * @param args the checkout's folder, the version, the time that all files get, and Maven's local
   *     repository
   */
  public static void main(String[] args) throws Exception {
    try {
      new Distribution(args).run();
    } catch (IllegalStateException e) {
      System.err.println("nibble: " + e.getMessage());
      System.exit(1);
    }
  }

  private void run() throws Exception {
    Path dist = target.resolve("dist");
    delete(dist);
    Path portable = dist.resolve("portable").resolve(folder);
    List<Path> jars = layOut(portable);
    Licences.write(portable, jars, root.resolve("LICENSE"), sources.resolve("licenses"));
    setTimes(portable);
    Path image = dist.resolve("image").resolve(folder);
    copyTree(portable, image);
    Files.delete(image.resolve("bin/nibble.cmd"));
    RuntimeImage runtime = new RuntimeImage(image, time);
    runtime.link();
    Licences.addRuntime(image);
    setTimes(image);
    runtime.archiveClasses();
    System.out.printf(
        "%s holds a runtime for %s. Another system's is made there, by the same command: jlink"
            + " needs that system's JDK.%n",
        image, RuntimeImage.platform());
  }

  private List<Path> layOut(Path to) throws IOException {
    Path lib = Files.createDirectories(to.resolve("lib"));
    List<Path> jars = new ArrayList<>();
    for (Path jar : sorted(target.resolve("lib"))) {
      jars.add(Files.copy(jar, lib.resolve(jar.getFileName())));
    }
    for (Path jar : sorted(target)) {
      if (jar.getFileName()
          .toString()
          .matches("nibble-samples-[^/]*(?<!-sources|-javadoc)\\.jar")) {
        jars.add(Files.copy(jar, lib.resolve(jar.getFileName())));
      }
    }
    writeMainJar(lib.resolve("nibble.jar"), jars);
    Files.copy(sources.resolve("lib/nibble.options"), lib.resolve("nibble.options"));
    Path bin = Files.createDirectories(to.resolve("bin"));
    for (String launcher : List.of("nibble", "nibble.cmd")) {
      Files.copy(
          sources.resolve("bin").resolve(launcher),
          bin.resolve(launcher),
          StandardCopyOption.COPY_ATTRIBUTES);
    }
    Path share = Files.createDirectories(to.resolve("share"));
    copyTree(target.resolve("man"), share.resolve("man/man1"));
    Path completion = share.resolve("bash-completion/completions");
    Files.createDirectories(completion);
    RuntimeImage.java(
        List.of("-cp", lib + "/*", "picocli.AutoComplete", "-n", "nibble", "-o"),
        List.of(completion.resolve("nibble").toString(), MAIN));
    Path zsh = Files.createDirectories(share.resolve("zsh/site-functions"));
    // Its functions speak zsh's dialect, too, once bashcompinit is there.
    Files.writeString(
        zsh.resolve("_nibble"),
        "#compdef nibble\ncompopt() { :; } # bash has it\n"
            + Files.readString(completion.resolve("nibble"))
            + "\n_bash_complete -o default -F _complete_nibble\n");
    Parts.write(
        target.resolve("parts/tree.json"),
        repository,
        lib,
        time.toString(),
        to.resolve("nibble.cdx.json"));
    Files.copy(root.resolve("LICENSE"), to.resolve("LICENSE"));
    Files.copy(root.resolve("README.md"), to.resolve("README.md"));
    Files.copy(root.resolve("CHANGELOG.md"), to.resolve("CHANGELOG.md"));
    return jars;
  }

  /** A jar of nothing but the class path, in a fixed order: an archive of classes depends on it. */
  private void writeMainJar(Path file, List<Path> jars) throws IOException {
    Manifest manifest = new Manifest();
    Attributes attributes = manifest.getMainAttributes();
    attributes.put(Attributes.Name.MANIFEST_VERSION, "1.0");
    attributes.put(Attributes.Name.MAIN_CLASS, MAIN);
    attributes.put(
        Attributes.Name.CLASS_PATH,
        String.join(" ", jars.stream().map(jar -> jar.getFileName().toString()).toList()));
    try (OutputStream out = Files.newOutputStream(file);
        JarOutputStream jar = new JarOutputStream(out)) {
      java.util.zip.ZipEntry entry = new java.util.zip.ZipEntry("META-INF/MANIFEST.MF");
      entry.setLastModifiedTime(time);
      jar.putNextEntry(entry);
      manifest.write(jar);
      jar.closeEntry();
    }
  }

  /** The archive of classes knows its jars by their times, and the packed files have this one. */
  private void setTimes(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(f -> !Files.isSymbolicLink(f)).toList()) {
        Files.setLastModifiedTime(file, time);
      }
    }
  }

  static List<Path> sorted(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(f -> f.toString().endsWith(".jar")).sorted().toList();
    }
  }

  private static void copyTree(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Path copy = to.resolve(from.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(copy);
        } else {
          Files.copy(file, copy, StandardCopyOption.COPY_ATTRIBUTES);
        }
      }
    }
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, IOException e) throws IOException {
            Files.delete(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
