package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher of the archives, with a java that only tells how it was called. */
class LauncherTest {
  private static final Path ROOT = Path.of(System.getProperty("nibble.root", ".."));
  private static final Path SOURCES = ROOT.resolve("samples/src/dist");

  /** How the java that only tells ends. */
  private static final int FAKE = 7;

  private static final String WARNING = "WARNING: Using incubator modules: jdk.incubator.vector";

  @TempDir private Path folder;
  private Path home = Path.of("");

  /** What a launcher's run left. */
  private record Run(int code, List<String> out, String err) {
    /** The arguments behind the class path's jar. */
    List<String> arguments() {
      return out.subList(out.indexOf("-jar") + 2, out.size() - 1);
    }
  }

  @BeforeEach
  void unpack() throws IOException {
    home = Files.createDirectories(folder.resolve("with blank/nibble"));
    Files.createDirectories(home.resolve("bin"));
    Files.createDirectories(home.resolve("lib"));
    Files.copy(
        SOURCES.resolve("bin/nibble"),
        home.resolve("bin/nibble"),
        StandardCopyOption.COPY_ATTRIBUTES);
    Files.writeString(home.resolve("lib/nibble.jsa"), "");
  }

  /** A java that prints its arguments and its locale, warns, and ends with 7. */
  private static void fakeJava(Path jdk, String version) throws IOException {
    Files.createDirectories(jdk.resolve("bin"));
    Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"" + version + "\"\n");
    Path java = jdk.resolve("bin/java");
    Files.writeString(
        java,
        """
        #!/bin/sh
        echo "$0"
        printf '%%s\\n' "$@"
        echo "locale ${LC_ALL:-none}"
        echo '%s' >&2
        printf 'kept\\nlast' >&2
        exit 7
        """
            .formatted(WARNING));
    assertThat(java.toFile().setExecutable(true)).isTrue();
  }

  private void runtime(String loader) throws IOException {
    fakeJava(home.resolve("runtime"), "25.0.3");
    Files.writeString(home.resolve("runtime/loader"), loader + "\n");
  }

  private Run run(Map<String, String> environment, String... arguments) throws Exception {
    return run(home.resolve("bin/nibble"), environment, arguments);
  }

  private Run run(Path launcher, Map<String, String> environment, String... arguments)
      throws Exception {
    List<String> command = new ArrayList<>(List.of(launcher.toString()));
    command.addAll(Arrays.asList(arguments));
    File out = folder.resolve("out").toFile();
    File err = folder.resolve("err").toFile();
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(folder.toFile()).redirectOutput(out);
    builder.environment().clear();
    builder.environment().put("PATH", "/usr/bin:/bin");
    builder.environment().putAll(environment);
    Process process = builder.redirectError(err).start();
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    // The filter ends after the JVM, as soon as it has passed on the last line.
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (process.exitValue() == FAKE
        && !Files.readString(err.toPath()).endsWith("last")
        && System.nanoTime() < deadline) {
      Thread.sleep(5);
    }
    return new Run(
        process.exitValue(), Files.readAllLines(out.toPath()), Files.readString(err.toPath()));
  }

  @Test
  void takesTheRuntimeBesideItAndItsClasses() throws Exception {
    runtime("/bin/sh"); // a file that is there stands for this system's loader
    Run run = run(Map.of(), "train", "--out", "a b", "*", "");
    assertThat(run.out().getFirst()).isEqualTo(home.resolve("runtime/bin/java").toString());
    assertThat(run.out())
        .contains(
            "@" + home.resolve("lib/nibble.options"),
            "-XX:SharedArchiveFile=" + home.resolve("lib/nibble.jsa"),
            "-Dnibble.home=" + home);
    assertThat(run.arguments()).containsExactly("train", "--out", "a b", "*", "");
    assertThat(run.code()).isEqualTo(FAKE);
  }

  /** On musl, or another processor: the runtime could not even start. */
  @Test
  void leavesARuntimeForAnotherSystemAlone() throws Exception {
    runtime("/lib64/ld-of-another-system.so");
    Path jdk = folder.resolve("jdk");
    fakeJava(jdk, "25.0.3");
    Run run = run(Map.of("JAVA_HOME", jdk.toString()), "--version");
    assertThat(run.out().getFirst()).isEqualTo(jdk.resolve("bin/java").toString());
    assertThat(String.join(" ", run.out())).doesNotContain("SharedArchiveFile");
  }

  /** Whichever other one it finds, on this machine or in the user's folder, is young enough. */
  @Test
  void takesNoJdkThatIsTooOld() throws Exception {
    Path old = folder.resolve("old");
    fakeJava(old, "17.0.15");
    fakeJava(folder.resolve("home/.jdks/26"), "26");
    Map<String, String> environment =
        Map.of("JAVA_HOME", old.toString(), "HOME", folder.resolve("home").toString());
    Run run = run(environment, "--version");
    assertThat(run.out()).doesNotContain(old.resolve("bin/java").toString());
    assertThat(run.err()).doesNotContain("needs a JDK");
  }

  @Test
  void passesOnAllErrorsButOneLine() throws Exception {
    runtime("/bin/sh");
    assertThat(run(Map.of()).err()).isEqualTo("kept\nlast");
  }

  /** Where no pipe can be made, the line is seen and nothing else is different. */
  @Test
  void worksWithoutAFolderForTemporaryFiles() throws Exception {
    runtime("/bin/sh");
    Run run = run(Map.of("TMPDIR", folder.resolve("missing").toString()), "info");
    assertThat(run.code()).isEqualTo(FAKE);
    assertThat(run.arguments()).containsExactly("info");
    assertThat(run.err()).endsWith("kept\nlast");
  }

  @Test
  void givesTheJvmALocaleForAllNames() throws Exception {
    runtime("/bin/sh");
    assertThat(locale(Map.of())).isEqualTo("C.UTF-8");
    assertThat(locale(Map.of("LC_ALL", "C", "LANG", "C.UTF-8"))).isEqualTo("C.UTF-8");
    assertThat(locale(Map.of("LC_ALL", "xx_XX.UTF-8"))).as("not installed").isEqualTo("C.UTF-8");
    assertThat(locale(Map.of("LC_ALL", "C.utf8"))).isEqualTo("C.utf8");
    assertThat(locale(Map.of("LANG", "C.UTF-8"))).as("left alone").isEqualTo("none");
  }

  private String locale(Map<String, String> environment) throws Exception {
    return run(environment).out().getLast().replace("locale ", "");
  }

  @Test
  void isFoundThroughLinks() throws Exception {
    runtime("/bin/sh");
    Path bin = Files.createDirectories(folder.resolve("bin"));
    Path first = Files.createSymbolicLink(home.resolve("start"), Path.of("bin/nibble"));
    Path link = Files.createSymbolicLink(bin.resolve("nibble"), first);
    Run run = run(link, Map.of(), "info");
    assertThat(run.out()).contains("-Dnibble.home=" + home.toRealPath());
  }

  @Test
  void splitsOptionsIntoWords() throws Exception {
    runtime("/bin/sh");
    Run run = run(Map.of("NIBBLE_JAVA_OPTS", "-Xmx1g -Dnibble.kernels=scalar"));
    assertThat(run.out()).containsSubsequence("-Xmx1g", "-Dnibble.kernels=scalar", "-jar");
  }

  /** The checkout's launcher and the archives' start the JVM alike. */
  @Test
  void launchersGiveTheSameOptions() throws IOException {
    assertThat(options(SOURCES.resolve("lib/nibble.options")))
        .isEqualTo(options(ROOT.resolve("samples/nibble")));
  }

  private static Set<String> options(Path file) throws IOException {
    Set<String> options = new TreeSet<>();
    for (String line : Files.readAllLines(file)) {
      if (!line.startsWith("#")) {
        for (String word : line.strip().split("\\s+", -1)) {
          if (word.matches("-X(m[snx]|X:).*|-Djava.*|-Dhardwood.*")) {
            options.add(word);
          }
        }
      }
    }
    assertThat(options).isNotEmpty();
    return options;
  }

  /** What Windows' interpreter needs of a script, and that it names the same files. */
  @Test
  void theScriptForWindowsIsOne() throws IOException {
    String script = Files.readString(SOURCES.resolve("bin/nibble.cmd"), StandardCharsets.US_ASCII);
    assertThat(script.replace("\r\n", "")).doesNotContain("\n", "\r");
    assertThat(script)
        .contains("lib\\nibble.options", "lib\\nibble.jar", "%NIBBLE_JAVA_OPTS%", "%MAJOR% LSS 25")
        .contains("exit /b %ERRORLEVEL%");
    String shell = Files.readString(SOURCES.resolve("bin/nibble"));
    assertThat(shell).contains("minimum=25", "lib/nibble.options", "lib/nibble.jar");
  }
}
