package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Workers as real processes: the bytes of one, and what the others say when one is lost. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class WorkersProcessTest {
  private static final String SECRET = "a secret of these tests";

  @SuppressWarnings("NullAway.Init") // set by prepare
  private Path folder;

  @BeforeAll
  void prepare(@TempDir Path place) throws IOException {
    folder = place;
    PictureFolders.create(folder.resolve("pictures"), 32, 8);
  }

  private static List<String> train(int steps, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of("train", "--data", "pictures", "--model", "resnet8", "--batch", "8"));
    arguments.addAll(List.of("--shards", "4", "--threads", "1", "--kernels", "scalar"));
    arguments.addAll(List.of("--checkpoint-every", "3", "--steps", Integer.toString(steps)));
    arguments.addAll(List.of(more));
    return arguments;
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  /** Worker {@code rank} of several that meet at a port. */
  private NibbleProcess worker(int rank, int world, int port, List<String> arguments)
      throws IOException {
    List<String> all = new ArrayList<>(arguments);
    all.addAll(List.of("--rank", Integer.toString(rank), "--world", Integer.toString(world)));
    all.addAll(List.of("--rendezvous", "127.0.0.1:" + port, "--patience", "2"));
    return NibbleProcess.start(folder, List.of(), Map.of("NIBBLE_SECRET", SECRET), all);
  }

  private byte[] model(String run) throws IOException {
    return Files.readAllBytes(folder.resolve(run).resolve("model.safetensors"));
  }

  @Test
  void workersEndWithTheModelOfOneAlsoWhenOneIsKilledAndTheRunResumed() throws Exception {
    List<String> alone = train(12, "--out", "alone");
    assertThat(NibbleProcess.run(folder, alone.toArray(String[]::new)).code()).isZero();

    List<String> two = train(12, "--out", "two", "--workers", "2");
    NibbleProcess.Result shared = NibbleProcess.run(folder, two.toArray(String[]::new));
    assertThat(shared.err()).isEmpty();
    assertThat(shared.out()).contains("2 workers share every batch");
    assertThat(shared.code()).isZero();
    assertThat(model("two")).isEqualTo(model("alone"));

    int port = freePort();
    List<String> three = train(12, "--out", "three");
    try (NibbleProcess zero = worker(0, 3, port, three);
        NibbleProcess one = worker(1, 3, port, three);
        NibbleProcess last = worker(2, 3, port, three)) {
      awaitCheckpoint("three");
      long start = System.nanoTime();
      last.kill();
      for (NibbleProcess left : List.of(zero, one)) {
        NibbleProcess.Result result = left.await();
        assertThat(result.err())
            .contains("nibble: Worker 2 of 3 is gone: its process has ended")
            .hasLineCount(1);
        assertThat(result.code()).isEqualTo(1);
      }
      assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(10));
    }
    NibbleProcess.Result resumed =
        NibbleProcess.run(folder, "train", "--resume", "three", "--workers", "4", "--threads", "1");
    assertThat(resumed.err()).isEmpty();
    assertThat(resumed.out()).contains("Going on after step");
    assertThat(model("three")).isEqualTo(model("alone"));
  }

  private void awaitCheckpoint(String run) throws Exception {
    Path checkpoints = folder.resolve(run).resolve("checkpoints");
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!Files.isDirectory(checkpoints) || isEmpty(checkpoints)) {
      assertThat(System.nanoTime()).as("a checkpoint appears").isLessThan(end);
      Thread.sleep(5);
    }
  }

  private static boolean isEmpty(Path place) throws IOException {
    try (var files = Files.list(place)) {
      return files.noneMatch(file -> file.toString().endsWith(".nibble"));
    }
  }

  @Test
  void aWorkerThatIsStoppedTooLongOrTheFirstOneKilledEndsTheOthers() throws Exception {
    int port = freePort();
    List<String> run = train(100_000, "--out", "stopped");
    try (NibbleProcess zero = worker(0, 2, port, run);
        NibbleProcess one = worker(1, 2, port, run)) {
      awaitCheckpoint("stopped");
      long start = System.nanoTime();
      one.signal("STOP");
      NibbleProcess.Result result = zero.await();
      assertThat(result.err())
          .contains("nibble: Worker 1 of 2 has been silent for 2.0 s")
          .contains("The last good checkpoint is")
          .contains("Go on with: nibble train --resume stopped");
      assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(10));
      one.signal("CONT");
      assertThat(one.await().err()).contains("nibble: Worker 1 of 2 has been silent for 2.0 s");
    }
    int other = freePort();
    List<String> next = train(100_000, "--out", "killed");
    try (NibbleProcess zero = worker(0, 2, other, next);
        NibbleProcess one = worker(1, 2, other, next)) {
      awaitCheckpoint("killed");
      zero.kill();
      NibbleProcess.Result result = one.await();
      assertThat(result.err()).contains("nibble: Worker 0 of 2 is gone").hasLineCount(1);
      assertThat(result.code()).isEqualTo(1);
    }
  }

  @Test
  void strangersOtherOptionsAndOtherSecretsDoNotMix() throws Exception {
    int port = freePort();
    try (NibbleProcess zero = worker(0, 2, port, train(6, "--out", "mixed"))) {
      awaitListening(port);
      for (int i = 0; i < 5; i++) {
        try (Socket stranger = new Socket(InetAddress.getLoopbackAddress(), port)) {
          stranger
              .getOutputStream()
              .write("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        }
      }
      List<String> wrong = new ArrayList<>(train(6));
      wrong.addAll(List.of("--rank", "1", "--world", "2", "--rendezvous", "127.0.0.1:" + port));
      Map<String, String> secret = Map.of("NIBBLE_SECRET", "quite another secret");
      try (NibbleProcess stranger = NibbleProcess.start(folder, List.of(), secret, wrong)) {
        NibbleProcess.Result result = stranger.await();
        assertThat(result.err()).contains("does not know this run's secret").hasLineCount(1);
        assertThat(result.code()).isEqualTo(1);
      }
      try (NibbleProcess one = worker(1, 2, port, train(6, "--lr", "0.2"))) {
        String sentence = "Worker 1 differs from worker 0 in lr (0.2, not 0.1)";
        assertThat(one.await().err()).contains(sentence).hasLineCount(1);
        assertThat(zero.await().err()).contains(sentence).hasLineCount(1);
      }
    }
  }

  private static void awaitListening(int port) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (true) {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        assertThat(socket.isConnected()).isTrue();
        return;
      } catch (IOException e) {
        assertThat(System.nanoTime()).as("worker 0 listens").isLessThan(end);
        Thread.sleep(10);
      }
    }
  }

  @Test
  void whatCannotBeIsSaidInASentence() {
    expect("--rank, --world and --rendezvous together", "--rank", "1");
    expect("not both", "--workers", "2", "--rank", "1", "--world", "2", "--rendezvous", "a:1");
    expect("--workers is 33: give 1 to 32", "--workers", "33");
    expect("HOST:PORT", "--rank", "0", "--world", "2", "--rendezvous", "here");
    expect(
        "a secret of at least 16 letters",
        "--rank",
        "0",
        "--world",
        "2",
        "--rendezvous",
        "127.0.0.1:7001");
    expect("2 workers cannot share a batch of 16", "--batch", "16", "--workers", "2");
    expect("--patience is 0.1", "--patience", "0.1");
    expect("--batch-norm", "--batch-norm", "mine");
  }

  private static void expect(String sentence, String... arguments) {
    List<String> all = new ArrayList<>(List.of("train"));
    all.addAll(List.of(arguments));
    InProcess result = InProcess.run(all.toArray(String[]::new));
    assertThat(result.err()).contains(sentence).hasLineCount(1);
    assertThat(result.code()).isEqualTo(2);
  }
}
