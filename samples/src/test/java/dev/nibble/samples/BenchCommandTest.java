package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With a jar in place of the suite's that tells what it was given. */
class BenchCommandTest {
  private static final String SUITE =
      """
      package dev.nibble.bench;
      public class Suite {
        public static void main(String[] arguments) {
          System.err.println("given " + String.join("|", arguments));
          System.exit(arguments.length);
        }
      }
      """;

  @TempDir Path home = Path.of("");

  @BeforeEach
  void nameTheCheckout() {
    System.setProperty(BenchCommand.HOME_PROPERTY, home.toString());
  }

  @AfterEach
  void forgetTheCheckout() {
    System.clearProperty(BenchCommand.HOME_PROPERTY);
  }

  @Test
  void passesItsArgumentsOnAndTheExitCodeBack() throws IOException {
    buildSuite();
    InProcess result =
        InProcess.run(
            "bench", "--quick", "--only", "a b", "--threads", "2", "--json", "x.json", "--peers");
    assertThat(result.err().strip())
        .isEqualTo("given --quick|--only|a b|--threads|2|--json|x.json|--peers");
    assertThat(result.code()).isEqualTo(8);
  }

  @Test
  void saysHowToBuildWhatIsNotBuilt() {
    InProcess result = InProcess.run("bench", "--quick");
    assertThat(result.code()).isEqualTo(2);
    assertThat(result.err().lines())
        .singleElement()
        .asString()
        .contains("benchmarks.jar", "mvn package -pl bench");
  }

  private void buildSuite() throws IOException {
    Path source = Files.writeString(home.resolve("Suite.java"), SUITE);
    ToolProvider compiler = ToolProvider.findFirst("javac").orElseThrow();
    String[] arguments = {"-d", home.toString(), source.toString()};
    assertThat(compiler.run(System.out, System.err, arguments)).isZero();
    Path target = Files.createDirectories(home.resolve("bench/target"));
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    String name = "dev/nibble/bench/Suite.class";
    try (JarOutputStream jar =
        new JarOutputStream(Files.newOutputStream(target.resolve("benchmarks.jar")), manifest)) {
      jar.putNextEntry(new JarEntry(name));
      jar.write(Files.readAllBytes(home.resolve(name)));
    }
  }
}
