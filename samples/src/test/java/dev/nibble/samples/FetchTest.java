package dev.nibble.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FetchTest {
  private static final String FILE = "pictures.tar.gz";

  @SuppressWarnings("NullAway.Init") // set by JUnit
  @TempDir
  private Path folder;

  @SuppressWarnings("NullAway.Init") // set by createArchive
  private byte[] content;

  @SuppressWarnings("NullAway.Init") // set by createArchive
  private byte[] archive;

  @BeforeEach
  void createArchive() throws IOException {
    content = new byte[3_000_000];
    new SplittableRandom(5).nextBytes(content);
    archive = TarFiles.of("inner/data.bin", content);
  }

  private static String sha256(byte[] bytes) throws NoSuchAlgorithmException {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  private void fetch(FileServer server, String sum) throws InterruptedException {
    Archives archives =
        new Archives(
            "pictures", server.address(), List.of(new Archives.Archive(FILE, sum)), "inner");
    LiveLine line = new LiveLine(new PrintWriter(new StringWriter()), false, true, 80);
    try (Download download = new Download(line)) {
      new Fetcher(archives, server.address(), folder, download).run();
    }
  }

  private void assertFetched() throws IOException {
    assertThat(Files.readAllBytes(folder.resolve("inner/data.bin"))).isEqualTo(content);
    assertThat(folder.toFile().list()).containsExactly("inner");
  }

  @Test
  void unpacksAndLeavesNothingElse() throws Exception {
    try (FileServer server = new FileServer(true)) {
      server.put(FILE, archive);
      fetch(server, sha256(archive));
      assertThat(server.requests()).containsExactly(FILE);
    }
    assertFetched();
  }

  @Test
  void goesOnAfterACutConnection() throws Exception {
    try (FileServer server = new FileServer(true)) {
      server.put(FILE, archive);
      server.cutNext(2);
      fetch(server, sha256(archive));
      // What was on its way when the connection broke may be lost, but not what came before it.
      List<String> requests = server.requests();
      assertThat(requests).hasSize(3);
      assertThat(requests.getFirst()).isEqualTo(FILE);
      assertThat(offset(requests.get(1))).isBetween(1, archive.length / 2);
      assertThat(offset(requests.get(2)))
          .isBetween(offset(requests.get(1)), archive.length * 3 / 4 + 1);
    }
    assertFetched();
  }

  private static int offset(String request) {
    return Integer.parseInt(request.replaceAll(".* bytes=(\\d+)-", "$1"));
  }

  @Test
  void goesOnWithWhatAnEarlierProcessLeft() throws Exception {
    Files.write(folder.resolve(FILE + ".part"), Arrays.copyOf(archive, 1000));
    try (FileServer server = new FileServer(true)) {
      server.put(FILE, archive);
      fetch(server, sha256(archive));
      assertThat(server.requests()).containsExactly(FILE + " bytes=1000-");
    }
    assertFetched();
  }

  @Test
  void takesAWholePartForTheFile() throws Exception {
    Files.write(folder.resolve(FILE + ".part"), archive);
    try (FileServer server = new FileServer(true)) {
      server.put(FILE, Arrays.copyOf(archive, archive.length - 1)); // so that it answers 416
      fetch(server, sha256(archive));
    }
    assertFetched();
  }

  @Test
  void startsAgainWhereTheServerKnowsNoRanges() throws Exception {
    Files.write(folder.resolve(FILE + ".part"), new byte[1000]);
    try (FileServer server = new FileServer(false)) {
      server.put(FILE, archive);
      fetch(server, sha256(archive));
    }
    assertFetched();
  }

  @Test
  void givesUpWithoutProgressButKeepsWhatCame() throws Exception {
    try (FileServer server = new FileServer(true)) {
      server.put(FILE, new byte[1]); // half of which is nothing
      server.cutNext(100);
      assertThatThrownBy(() -> fetch(server, sha256(new byte[1])))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining("run this again to go on");
    }
    assertThat(folder.resolve("inner")).doesNotExist();
  }

  @Test
  void refusesAWrongChecksum() throws Exception {
    try (FileServer server = new FileServer(true)) {
      server.put(FILE, archive);
      assertThatThrownBy(() -> fetch(server, "0".repeat(64)))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining("has SHA-256 " + sha256(archive))
          .hasMessageContaining("fetch it again");
    }
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void refusesAMirrorsWrongFileOnTheCommandLine() throws Exception {
    try (FileServer server = new FileServer(true)) {
      server.put("cifar-10-binary.tar.gz", archive);
      InProcess result =
          InProcess.run(
              "data",
              "fetch",
              "cifar10",
              "--from",
              server.address().toString(),
              "--to",
              folder.resolve("cifar10").toString(),
              "--no-progress");
      assertThat(result.code()).isEqualTo(2);
      assertThat(result.err().lines()).hasSize(1);
      assertThat(result.err()).contains("c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a");
      assertThat(folder.resolve("cifar10")).isEmptyDirectory();
    }
  }

  @Test
  void saysWhatTheServerLacks() throws Exception {
    try (FileServer server = new FileServer(true)) {
      assertThatThrownBy(() -> fetch(server, "0".repeat(64)))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining("answers 404");
    }
  }

  @Test
  void staysWithinItsFolder() throws Exception {
    assertRefused(TarFiles.of("inner/../../escaped.bin", content), "leads out of its folder");
    assertThat(folder.resolveSibling("escaped.bin")).doesNotExist();
    assertRefused(TarFiles.of("/escaped-nibble.bin", content), "leads out of its folder");
    assertRefused(TarFiles.ofLink("inner", "/etc"), "holds a link or device");
    assertRefused(Arrays.copyOf(archive, archive.length / 2), "is damaged");
    assertRefused(content, "is damaged");
    assertRefused(TarFiles.of("other/data.bin", content), "holds no folder inner");
  }

  private void assertRefused(byte[] bad, String reason) throws Exception {
    try (FileServer server = new FileServer(true)) {
      server.put(FILE, bad);
      assertThatThrownBy(() -> fetch(server, sha256(bad)))
          .isInstanceOf(BadInputException.class)
          .hasMessageContaining(reason);
    }
    assertThat(folder.toFile().list()).containsExactly(FILE);
    Files.delete(folder.resolve(FILE));
  }
}
