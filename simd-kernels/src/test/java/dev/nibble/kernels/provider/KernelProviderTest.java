package dev.nibble.kernels.provider;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nibble.kernels.Kernels;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KernelProviderTest {
  private static final String ADD_VECTOR = "--add-modules=jdk.incubator.vector";

  /** What the JDK's own logger prints: level, logger, sentence. */
  private static final String ONE_LINE =
      "-Djava.util.logging.SimpleFormatter.format=%4$s %3$s: %5$s%n";

  @TempDir private Path folder;

  @Test
  void thisRunGotTheProviderThatTheBuildNamed() {
    String expected = System.getProperty("nibble.kernels.expected");
    assumeTrue(expected != null, "the build names no provider for this run");
    assertThat(KernelProvider.choose(null).name()).isEqualTo(expected);
  }

  @Test
  void aNameIsObeyed() {
    Kernels scalar = KernelProvider.choose("scalar");
    assertThat(scalar.name()).isEqualTo("scalar");
    assertThat(scalar.description()).startsWith("scalar");
    String reason = KernelProvider.whyNoVector();
    if (reason == null) {
      Kernels vector = KernelProvider.choose("vector");
      assertThat(vector.name()).isEqualTo("vector");
      assertThat(vector.description()).startsWith("vector");
      assertThat(KernelProvider.choose("auto").name()).isEqualTo(best("vector"));
    } else {
      assertThatThrownBy(() -> KernelProvider.choose("vector"))
          .isInstanceOf(KernelUnavailableException.class)
          .hasMessageContaining(reason);
      assertThat(KernelProvider.choose("auto").name()).isEqualTo(best("scalar"));
    }
  }

  /** On a machine with a GPU, the choice is open until there is a network. */
  private static String best(String host) {
    return KernelProvider.gpu(KernelProvider.cudaOptions()).available() ? "auto" : host;
  }

  @Test
  void anUnknownNameIsAnsweredWithTheNames() {
    assertThatThrownBy(() -> KernelProvider.choose("turbo"))
        .isInstanceOf(KernelUnavailableException.class)
        .hasMessageContaining("turbo")
        .hasMessageContaining("auto")
        .hasMessageContaining("scalar")
        .hasMessageContaining("vector");
    assertThat(KernelProvider.names()).containsExactly("cublas", "vector", "scalar");
  }

  @Test
  void withoutTheModuleTheReasonSaysHowToAddIt() throws Exception {
    assertThat(child("scalar")).containsExactly("scalar");
    assertThat(child("vector"))
        .singleElement()
        .asString()
        .contains("--add-modules jdk.incubator.vector");
  }

  @Test
  void aFallbackIsToldInOneLineOnceInAJvm() throws Exception {
    Child child = run("auto default auto", ONE_LINE);
    assertThat(child.out()).containsExactly("scalar", "scalar", "scalar");
    assertThat(child.err())
        .containsExactly(
            "WARNING dev.nibble.kernels: Using the slower scalar kernels: the Vector API is not"
                + " part of this JVM's modules; start java with --add-modules"
                + " jdk.incubator.vector.");
  }

  @Test
  void withoutTheCompilerVectorsAreRefused() throws Exception {
    Child interpreted = run("auto", ADD_VECTOR, "-Xint", ONE_LINE);
    assertThat(interpreted.out()).containsExactly("scalar");
    assertThat(interpreted.err()).singleElement().asString().contains("without -Xint");
    assertThat(child("vector", ADD_VECTOR, "-XX:TieredStopAtLevel=1"))
        .singleElement()
        .asString()
        .contains("C2")
        .contains("TieredStopAtLevel");
  }

  @Test
  void withoutFusedMultiplyAddVectorsAreRefused() throws Exception {
    Child unfused = run("auto", ADD_VECTOR, "-XX:-UseFMA", ONE_LINE);
    assertThat(unfused.out()).containsExactly("scalar");
    assertThat(unfused.err()).singleElement().asString().contains("UseFMA");
    assertThat(child("vector", ADD_VECTOR, "-XX:-UseFMA"))
        .singleElement()
        .asString()
        .contains("UseFMA");
  }

  @Test
  void narrowVectorsAreRefused() throws Exception {
    assertThat(child("vector", ADD_VECTOR, "-XX:MaxVectorSize=8"))
        .singleElement()
        .asString()
        .contains("bits are needed");
  }

  @Test
  void thePropertyNamesAProviderToo() throws Exception {
    assertThat(child("default", "-Dnibble.kernels=scalar")).containsExactly("scalar");
    assertThat(child("default", "-Dnibble.kernels=turbo"))
        .singleElement()
        .asString()
        .contains("turbo");
  }

  @Test
  void winogradCanBeTurnedOff() throws Exception {
    assertThat(child("describe", ADD_VECTOR, "-Dnibble.winograd=off"))
        .singleElement()
        .asString()
        .contains("without Winograd");
    assertThat(child("describe", ADD_VECTOR)).singleElement().asString().doesNotContain("Winograd");
    assertThat(child("describe", ADD_VECTOR, "-Dnibble.winograd=maybe"))
        .singleElement()
        .asString()
        .contains("on or off")
        .contains("maybe");
  }

  /** What a JVM said on its output and, but for the note on the incubator module, as errors. */
  private record Child(List<String> out, List<String> err) {}

  /** What a JVM with those options says on its output; it says nothing else on its console. */
  private List<String> child(String request, String... options)
      throws IOException, InterruptedException, URISyntaxException {
    Child child = run(request, options);
    assertThat(child.err()).as("what the child printed as errors").isEmpty();
    return child.out();
  }

  private Child run(String requests, String... options)
      throws IOException, InterruptedException, URISyntaxException {
    Path classes =
        Path.of(KernelProvider.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    Path output = Files.createTempFile(folder, "child", ".out");
    Path errors = Files.createTempFile(folder, "child", ".err");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(options));
    command.add("-cp");
    command.add(
        classes + System.getProperty("path.separator") + classes.resolveSibling("test-classes"));
    command.add(ProviderProbe.class.getName());
    command.addAll(List.of(requests.split(" ", -1)));
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(output.toFile())
            .redirectError(errors.toFile())
            .start();
    boolean ended = process.waitFor(60, TimeUnit.SECONDS);
    process.destroyForcibly();
    assertThat(ended).as("the child ended in time").isTrue();
    String printed = Files.readString(errors, StandardCharsets.UTF_8);
    assertThat(process.exitValue()).as("exit code; %s", printed).isZero();
    return new Child(
        Files.readAllLines(output, StandardCharsets.UTF_8),
        printed.lines().filter(line -> !line.contains("incubator module")).toList());
  }
}
