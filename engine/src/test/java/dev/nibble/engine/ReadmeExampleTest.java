package dev.nibble.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The pages' Java examples compile against the modules as a user's class would. */
class ReadmeExampleTest {
  private static final Pattern JAVA = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

  @TempDir Path folder;

  @Test
  void compilesAsItStands() throws Exception {
    Path root = Path.of(Objects.requireNonNull(System.getProperty("nibble.root")));
    int examples = 0;
    for (String page : List.of("README.md", "engine/README.md")) {
      Matcher example = JAVA.matcher(Files.readString(root.resolve(page)));
      while (example.find()) {
        examples++;
        compile(example.group(1).lines().toList());
      }
    }
    assertThat(examples).as("Java examples in README.md and engine/README.md").isEqualTo(6);
  }

  private void compile(List<String> lines) throws Exception {
    StringBuilder source = new StringBuilder();
    lines.stream().filter(l -> l.startsWith("import ")).forEach(l -> source.append(l).append('\n'));
    source.append("class Example { public static void main(String[] args) {\n");
    lines.stream()
        .filter(l -> !l.startsWith("import "))
        .forEach(l -> source.append(l).append('\n'));
    source.append("} }\n");
    assertThat(lines.stream().filter(l -> !l.startsWith("import ") && !l.isBlank()))
        .as("lines of code")
        .hasSizeLessThanOrEqualTo(16);
    Path file = Files.writeString(folder.resolve("Example.java"), source);

    Process javac =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "javac").toString(),
                // Not classfile: Micrometer's classes mention annotations whose jars are not there.
                "-Xlint:all,-incubating,-classfile",
                "-Werror",
                "--module-path",
                Objects.requireNonNull(System.getProperty("jdk.module.path")),
                "--add-modules",
                "dev.nibble.engine,micrometer.core",
                "-d",
                folder.toString(),
                file.toString())
            .redirectErrorStream(true)
            .start();
    String output = new String(javac.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(javac.waitFor()).as(output).isZero();
  }
}
