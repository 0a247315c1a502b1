package dev.nibble.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.CollectiveException;
import dev.nibble.kernels.provider.KernelProvider;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Workers that die at a chosen place: the other one is told, and nothing saved is lost. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class WorkerDeathTest {
  private byte[] alone = {};

  @TempDir private Path folder;

  @BeforeAll
  void trainAlone() {
    alone = DyingWorker.run(null, KernelProvider.choose("scalar"), null);
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private Process start(int rank, int port, String place, int count, Path checkpoints)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
    command.add("--enable-native-access=ALL-UNNAMED");
    Path own =
        Path.of(DyingWorker.class.getProtectionDomain().getCodeSource().getLocation().getPath());
    command.addAll(
        List.of(
            "-cp",
            String.join(
                File.pathSeparator,
                System.getProperty("java.class.path", ""),
                System.getProperty("jdk.module.path", ""),
                System.getProperty("surefire.real.class.path", ""),
                own.toString(),
                own.resolveSibling("classes").toString(),
                own.resolveSibling("test-classes").toString())));
    command.add(DyingWorker.class.getName());
    command.addAll(
        List.of(
            Integer.toString(rank),
            Integer.toString(port),
            place,
            Integer.toString(count),
            checkpoints.toString()));
    return new ProcessBuilder(command)
        .redirectInput(new File("/dev/null"))
        .redirectErrorStream(true)
        .redirectOutput(folder.resolve("out.txt").toFile())
        .start();
  }

  @ParameterizedTest
  @CsvSource({
    "1,forward,300",
    "1,backward,200",
    "0,exchange,80",
    "1,exchange,101",
    "0,checkpoint,5"
  })
  void theOtherOneIsToldAndTheRunGoesOnToTheSameBytes(int rank, String place, int count)
      throws Exception {
    Path checkpoints = Files.createDirectories(folder.resolve("checkpoints"));
    int port = freePort();
    Process process = start(rank, port, place, count, checkpoints);
    try {
      Throwable told =
          catchThrowable(
              () -> {
                try (Collective one = DyingWorker.open(1 - rank, port)) {
                  DyingWorker.run(
                      one, KernelProvider.choose("scalar"), rank == 1 ? checkpoints : null);
                }
              });
      long late = System.nanoTime();
      assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
      assertThat(Files.readString(folder.resolve("out.txt"))).doesNotContain("Exception");
      assertThat(process.exitValue()).isEqualTo(137);
      assertThat(System.nanoTime() - late).isLessThan(TimeUnit.SECONDS.toNanos(10));
      assertThat(told)
          .isInstanceOf(CollectiveException.class)
          .hasMessage(
              "Worker %d of 2 is gone: its process has ended, or the connection to it was cut.",
              rank);
    } finally {
      process.destroyForcibly().waitFor();
    }
    try (var files = Files.list(checkpoints)) {
      assertThat(files.filter(file -> file.toString().endsWith(".nibble"))).isNotEmpty();
    }
    assertThat(DyingWorker.run(null, KernelProvider.choose("scalar"), checkpoints))
        .isEqualTo(alone);
  }
}
