package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.network.ResNet;
import dev.nibble.engine.train.Trainer;
import dev.nibble.engine.train.TrainingOptions;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.memory.MemoryAccount;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * The three library jars as another team's program has them: nothing else beside them, on the class
 * path and on the module path, in a JVM of its own.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EmbeddingTest {
  private static final Path ROOT = Path.of(System.getProperty("nibble.root", ".."));
  private static final String VECTOR = "--add-modules=jdk.incubator.vector";
  private static final long MEBIBYTE = 1 << 20;

  @SuppressWarnings("NullAway.Init") // set by prepare
  private Path folder;

  private List<Path> jars = List.of();

  @SuppressWarnings("NullAway.Init") // set by prepare
  private Path consumer;

  @SuppressWarnings("NullAway.Init") // set by prepare
  private Path model;

  @BeforeAll
  void prepare(@TempDir Path place) throws Exception {
    folder = place;
    findJars();
    consumer = compile();
    model = train();
  }

  private void findJars() throws IOException {
    List<Path> found = new ArrayList<>();
    for (String module : List.of("memory", "simd-kernels", "engine")) {
      Path target = ROOT.resolve(module).resolve("target");
      try (Stream<Path> files = Files.list(target)) {
        files
            .filter(
                f -> f.getFileName().toString().matches("nibble-[a-z]+-[0-9.]+(-SNAPSHOT)?.jar"))
            .forEach(found::add);
      }
    }
    jars = found;
    boolean packaged = found.size() == 3;
    if (System.getenv("CI") != null) {
      assertThat(packaged).as("jars found: %s", found).isTrue();
    }
    assumeTrue(packaged, "needs the library jars, which mvn verify makes and mvn test does not");
  }

  private String path() {
    return jars.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator));
  }

  private static String jdkTool(String name) {
    return Path.of(System.getProperty("java.home"), "bin", name).toString();
  }

  private static String run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as("%s: %s", Arrays.toString(command), output).isZero();
    return output;
  }

  private Path compile() throws Exception {
    Path source = Files.createDirectories(folder.resolve("source")).resolve("Consumer.java");
    Files.writeString(source, program());
    Path classes = folder.resolve("classes");
    run(jdkTool("javac"), "-d", classes.toString(), "-cp", path(), source.toString());
    return classes;
  }

  private static String program() throws IOException {
    try (var text = EmbeddingTest.class.getResourceAsStream("/embedding/Consumer.java")) {
      return new String(Objects.requireNonNull(text).readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private Path train() {
    Path model = folder.resolve("model.safetensors");
    try (MemoryAccount memory = MemoryAccount.root("test", MemoryAccount.UNLIMITED);
        DataSplits data =
            new DataSplits(ShapesDataset.train(1, 10), ShapesDataset.test(1, 10), "shapes");
        Trainer trainer =
            Trainer.open(
                ResNet.of("resnet20", new FeatureMap(32, 32, 3), 10),
                data,
                TrainingOptions.builder().steps(1).build(),
                KernelProvider.choose("auto"),
                memory)) {
      trainer.saveModel(model);
    }
    return model;
  }

  private String predict(List<String> options) throws Exception {
    List<String> command = new ArrayList<>(List.of(jdkTool("java")));
    command.addAll(options);
    command.addAll(List.of("Consumer", "predict", model.toString()));
    return run(command.toArray(new String[0]));
  }

  private static long number(String output, String name) {
    return output
        .lines()
        .filter(line -> line.startsWith(name + " "))
        .mapToLong(line -> Long.parseLong(line.substring(line.lastIndexOf(' ') + 1)))
        .reduce((first, second) -> second)
        .orElseThrow(() -> new AssertionError("No " + name + " in: " + output));
  }

  @Test
  void theyAreSmall() throws IOException {
    long bytes = 0;
    for (Path jar : jars) {
      bytes += Files.size(jar);
    }
    assertThat(bytes).isLessThan(2 * MEBIBYTE);
  }

  /** Classes, services and what Maven adds: nothing native for any system, and no jar in a jar. */
  @Test
  void theyHoldNoNativeCode() throws IOException {
    for (Path jar : jars) {
      try (ZipFile zip = new ZipFile(jar.toFile())) {
        assertThat(zip.stream().filter(entry -> !entry.isDirectory()).map(ZipEntry::getName))
            .isNotEmpty()
            .allMatch(name -> name.endsWith(".class") || name.startsWith("META-INF/"))
            .noneMatch(name -> name.matches(".*\\.(so|dll|dylib|jnilib|a|o|jar)([.0-9]*)"));
        for (ZipEntry entry : zip.stream().filter(e -> !e.isDirectory()).toList()) {
          try (InputStream in = zip.getInputStream(entry)) {
            byte[] magic = in.readNBytes(4);
            assertThat(magic).as(entry.getName()).isNotEqualTo(new byte[] {0x7F, 'E', 'L', 'F'});
          }
        }
      }
    }
  }

  /**
   * ResNet-20's first logits within a second and a half of the JVM's start. What is asserted is the
   * computing of all its threads, compilers among them, since a busy machine stretches the clock:
   * two cores have three seconds of it in that time. Alone it takes below two on a Zen 4, 2.0 to
   * 2.2 on a virtual machine with a Zen 5.
   */
  @Test
  void theFirstPredictionIsThereSoon() throws Exception {
    String classPath = consumer + File.pathSeparator + path();
    String output =
        predict(List.of(VECTOR, "--enable-native-access=ALL-UNNAMED", "-cp", classPath));
    assertThat(output).contains("kernels vector");
    assertThat(number(output, "cpu-milliseconds")).isBetween(1L, 2999L);
  }

  /**
   * A module that requires the engine's, with no other jar beside the three: not even annotations.
   */
  @Test
  void theModulePathNeedsNoFlagForVectors() throws Exception {
    Path source = Files.createDirectories(folder.resolve("module/app"));
    Path descriptor = folder.resolve("module/module-info.java");
    Files.writeString(descriptor, "module consumer { requires dev.nibble.engine; }");
    Path program = source.resolve("Consumer.java");
    Files.writeString(program, "package app;\n" + program());
    Path classes = folder.resolve("consumer");
    run(
        jdkTool("javac"),
        "-d",
        classes.toString(),
        "-p",
        path(),
        descriptor.toString(),
        program.toString());
    String output =
        run(
            jdkTool("java"),
            "--enable-native-access=dev.nibble.memory",
            "-p",
            path() + File.pathSeparator + classes,
            "-m",
            "consumer/app.Consumer",
            "predict",
            model.toString());
    assertThat(output).contains("kernels vector");
  }

  /**
   * What the JVM forbids is not missed: native code brings huge pages, and nothing depends on it.
   */
  @Test
  void theyRunWhereNativeCodeIsForbidden() throws Exception {
    String classPath = consumer + File.pathSeparator + path();
    String output = predict(List.of(VECTOR, "--illegal-native-access=deny", "-cp", classPath));
    assertThat(output).contains("kernels vector");
    assertThat(output).doesNotContain("IllegalCallerException");
  }

  /** Without the flag the program works all the same, and says once what to add. */
  @Test
  void theClassPathWithoutFlagsFallsBackAndSaysSo() throws Exception {
    String output = predict(List.of("-cp", consumer + File.pathSeparator + path()));
    assertThat(output).contains("kernels scalar");
    assertThat(output.lines().filter(line -> line.contains("jdk.incubator.vector")))
        .as(output)
        .hasSize(1);
  }

  @Test
  void runsInOneJvmLeaveItsMemoryFlat() throws Exception {
    // The heap is touched at once and of fixed size, so that all growth would be Nibble's.
    String output =
        run(
            jdkTool("java"),
            "-Xms64m",
            "-Xmx64m",
            "-XX:+AlwaysPreTouch",
            VECTOR,
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            consumer + File.pathSeparator + path(),
            "Consumer",
            "cycles",
            "200");
    // C2 is nearly done by then: what it holds grows by some 10 MiB, and on a busy machine by one
    // more in the last fifty, a fifth of what is allowed.
    double early = number(output, "resident 150");
    double late = number(output, "resident 200");
    assertThat(late / early).as("%s KiB after 150, %s after 200", early, late).isLessThan(1.025);
  }
}
