package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher's script, with a Java that says what it was given. */
class LauncherEnvironmentTest {
  private static final String JAVA =
      """
      #!/bin/sh
      echo "LANG=${LANG:-} LC_CTYPE=${LC_CTYPE:-} LC_ALL=${LC_ALL:-} charmap=$(locale charmap)"
      for word in "$@"; do echo "[$word]"; done
      """;

  @TempDir private Path root;

  @BeforeEach
  void aBuiltCheckoutAndAJdk() throws IOException {
    Path script = Path.of("nibble");
    assumeTrue(Files.isRegularFile(script), "the tests run in the folder of the module");
    assumeTrue(Files.isExecutable(Path.of("/bin/bash")), "bash is needed");
    Files.createDirectories(root.resolve("samples/target/lib"));
    Files.copy(script, root.resolve("samples/nibble"), StandardCopyOption.COPY_ATTRIBUTES);
    Files.writeString(root.resolve("pom.xml"), "");
    for (String module : List.of("memory", "simd-kernels", "engine", "samples")) {
      Files.createDirectories(root.resolve(module + "/src/main"));
      Files.writeString(root.resolve(module + "/pom.xml"), "");
    }
    Files.writeString(root.resolve("samples/target/lib/nibble-engine-1.jar"), "");
    Path jar = Files.writeString(root.resolve("samples/target/nibble-samples-1.jar"), "");
    Files.setLastModifiedTime(
        jar, FileTime.fromMillis(System.currentTimeMillis() + 60_000)); // newer than its sources
    Path bin = Files.createDirectories(root.resolve("jdk/bin"));
    Files.writeString(root.resolve("jdk/release"), "JAVA_VERSION=\"25.0.3\"\n");
    Files.writeString(bin.resolve("java"), JAVA);
    Files.setPosixFilePermissions(
        bin.resolve("java"), PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private String launch(Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("/bin/bash"));
    command.add(root.resolve("samples/nibble").toString());
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().clear();
    builder.environment().put("PATH", "/usr/bin:/bin");
    builder.environment().put("JAVA_HOME", root.resolve("jdk").toString());
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(out).isZero();
    return out;
  }

  @Test
  void runsWithoutAHome() throws IOException, InterruptedException {
    assertThat(launch(Map.of(), "predict", "a b.png"))
        .contains(
            "[--module]", "[dev.nibble.samples/dev.nibble.samples.Nibble]\n[predict]\n[a b.png]")
        .doesNotContain("unbound");
  }

  @Test
  void givesTheJvmAUtf8LocaleWhereThereIsNone() throws IOException, InterruptedException {
    for (Map<String, String> environment :
        List.of(
            Map.<String, String>of(),
            Map.of("LC_ALL", "C"),
            Map.of("LANG", "POSIX"),
            Map.of("LANG", "xx_YY.UTF-8"), // not installed anywhere
            Map.of("LC_ALL", "xx_YY.UTF-8", "LC_CTYPE", "C"))) {
      assertThat(launch(environment)).as("%s", environment).contains("charmap=UTF-8");
    }
    assertThat(launch(Map.of("LC_CTYPE", "C.UTF-8"))).contains("LC_CTYPE=C.UTF-8 LC_ALL= ");
  }
}
