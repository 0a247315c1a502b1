package dev.nibble.engine.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Both families of MPI, where their {@code mpirun} is on the PATH; in CI they must be. */
class MpiCollectiveTest {
  private record Result(int code, String out) {}

  @TempDir private Path folder;

  private static boolean isOnPath(String program) {
    for (String place : System.getenv("PATH").split(File.pathSeparator, -1)) {
      if (Files.isExecutable(Path.of(place, program))) {
        return true;
      }
    }
    return false;
  }

  private Result run(String mpirun, int workers, String... arguments)
      throws IOException, InterruptedException {
    if (!"true".equals(System.getenv("CI"))) {
      assumeTrue(isOnPath(mpirun), () -> "there is no " + mpirun + " on the PATH");
    }
    List<String> command = new ArrayList<>(List.of(mpirun, "-n", Integer.toString(workers)));
    if (mpirun.endsWith("openmpi")) {
      command.addAll(List.of("--allow-run-as-root", "--oversubscribe"));
    }
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx128m", "-XX:TieredStopAtLevel=1"));
    command.add("--enable-native-access=ALL-UNNAMED");
    String classes = System.getProperty("java.class.path", "");
    String modules = System.getProperty("jdk.module.path", "");
    String patched = System.getProperty("surefire.real.class.path", "");
    command.addAll(
        List.of("-cp", String.join(File.pathSeparator, classes, modules, patched, own())));
    command.add(MpiMain.class.getName());
    command.addAll(List.of(arguments));
    Path out = Files.createTempFile(folder, "out", ".txt");
    Process process =
        new ProcessBuilder(command)
            .redirectInput(new File("/dev/null"))
            .redirectErrorStream(true)
            .redirectOutput(out.toFile())
            .start();
    try {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      return new Result(process.exitValue(), Files.readString(out));
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }

  /** Where this class and those of the module under test lie, patched into it or not. */
  private static String own() {
    Path tests = place(MpiMain.class);
    return String.join(
        File.pathSeparator,
        tests.toString(),
        tests.resolveSibling("classes").toString(),
        tests.resolveSibling("test-classes").toString());
  }

  private static Path place(Class<?> type) {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().getPath());
  }

  @ParameterizedTest
  @ValueSource(strings = {"mpirun.mpich", "mpirun.openmpi"})
  void piecesArriveWholeAtNoCostInMemory(String mpirun) throws Exception {
    long seed = System.nanoTime();
    Result result = run(mpirun, 2, "exchange", Long.toString(seed));
    assertThat(result.code()).as("seed %d: %s", seed, result.out()).isZero();
    assertThat(result.out()).contains("worker 0 is done", "worker 1 is done");
    assertThat(result.out()).contains("nulls found: 1");
    assertThat(result.out()).contains(mpirun.endsWith("mpich") ? "MPICH" : "Open MPI");
    Matcher allocated = Pattern.compile("allocated (\\d+)").matcher(result.out());
    while (allocated.find()) {
      assertThat(Long.parseLong(allocated.group(1))).isLessThan(2000);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"mpirun.mpich", "mpirun.openmpi"})
  void whoFailsSaysSoAndEndsTheJob(String mpirun) throws Exception {
    Result result = run(mpirun, 3, "fail");
    assertThat(result.out()).contains("told: Worker 1 of 3 failed: the disk is full");
    assertThat(result.out()).doesNotContain("is done");
    assertThat(result.code()).isNotZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"mpirun.mpich", "mpirun.openmpi"})
  void nobodyWaitsForEver(String mpirun) throws Exception {
    Result result = run(mpirun, 2, "late");
    assertThat(result.out())
        .contains("told: The other workers of 2 have not come to the end within 2 s.");
    assertThat(result.code()).isNotZero();
  }
}
