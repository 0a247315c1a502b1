package dev.nibble.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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
    List<String> files = new ArrayList<>();
    for (String page : List.of("README.md", "engine/README.md")) {
      Matcher example = JAVA.matcher(Files.readString(root.resolve(page)));
      while (example.find()) {
        String name = "Example" + files.size();
        files.add(write(name, example.group(1).lines().toList()).toString());
      }
    }
    assertThat(files).as("Java examples in README.md and engine/README.md").hasSize(6);
    compile(files);
  }

  private Path write(String name, List<String> lines) throws IOException {
    StringBuilder source = new StringBuilder();
    lines.stream().filter(l -> l.startsWith("import ")).forEach(l -> source.append(l).append('\n'));
    source.append("class " + name + " { public static void main(String[] args) {\n");
    lines.stream()
        .filter(l -> !l.startsWith("import "))
        .forEach(l -> source.append(l).append('\n'));
    source.append("} }\n");
    assertThat(lines.stream().filter(l -> !l.startsWith("import ") && !l.isBlank()))
        .as("lines of code")
        .hasSizeLessThanOrEqualTo(16);
    return Files.writeString(folder.resolve(name + ".java"), source);
  }

  /** At once, since the compiler takes longer to start than to compile; each file is on its own. */
  private void compile(List<String> files) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "javac").toString());
    // Not classfile: Micrometer's classes mention annotations whose jars are not there.
    command.addAll(List.of("-Xlint:all,-incubating,-classfile", "-Werror"));
    command.add("--module-path");
    command.add(Objects.requireNonNull(System.getProperty("jdk.module.path")));
    command.addAll(List.of("--add-modules", "dev.nibble.engine,micrometer.core"));
    command.addAll(List.of("-d", folder.toString()));
    command.addAll(files);
    Process javac = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(javac.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(javac.waitFor()).as(output).isZero();
  }
}
