package dev.nibble.samples.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Who sends a picture slowly is sent away before others have waited long for its room. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SlowClientsTest {
  private static final int MAX_BODY = 8 << 20;

  /** Clients whose announced bodies fill all the room that there is for bodies. */
  private static final int CLIENTS = 4;

  /** Waits for an answer, of 20 ms each. */
  private static final int MOST_READS = 1000;

  @SuppressWarnings("NullAway.Init") // set by start
  private Tiny tiny;

  @BeforeAll
  void start(@TempDir Path home) {
    ServiceOptions.Http http =
        Tiny.http().withLimits(MAX_BODY, 200, 1000).withPatience(Duration.ofMillis(500));
    tiny = Tiny.trained(Tiny.options(home, http, Tiny.training()));
  }

  @AfterAll
  void stop() {
    tiny.close();
  }

  private Socket connect(String path) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), tiny.service.port());
    socket.setSoTimeout(20);
    socket
        .getOutputStream()
        .write(
            ("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + MAX_BODY)
                .concat("\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII));
    return socket;
  }

  /** What the service answers to a client that sends, at most, a byte now and then. */
  private static String answer(Socket socket, boolean dribbles) throws IOException {
    for (int i = 0; i < MOST_READS; i++) {
      if (dribbles) {
        dribble(socket, i);
      }
      try {
        byte[] answer = new byte[1000];
        int read = socket.getInputStream().read(answer);
        return new String(answer, 0, Math.max(0, read), StandardCharsets.UTF_8);
      } catch (SocketTimeoutException e) {
        assertThat(socket.isConnected()).isTrue(); // no answer yet
      }
    }
    throw new AssertionError("It waits for a body that will never be whole.");
  }

  private static void dribble(Socket socket, int count) throws IOException {
    try {
      socket.getOutputStream().write(0x89);
    } catch (SocketException e) {
      // It was sent away between two bytes: the answer is there to be read.
      assertThat(count).isPositive();
    }
  }

  @Test
  void sendsAwayWhoDribbles() throws IOException {
    try (Socket socket = connect("/predict")) {
      assertThat(answer(socket, true)).startsWith("HTTP/1.1 408").contains("too slowly");
    }
  }

  @Test
  void sendsAwayWhoSendsNothing() throws IOException {
    try (Socket socket = connect("/examples?label=a")) {
      assertThat(answer(socket, false)).startsWith("HTTP/1.1 408").contains("too slowly");
    }
  }

  @Test
  void servesOthersOnceTheSlowOnesAreGone() throws IOException {
    Deque<Socket> slow = new ArrayDeque<>();
    try {
      for (int i = 0; i < CLIENTS; i++) {
        slow.add(connect("/predict"));
      }
      assertThat(tiny.client.post("/predict", Tiny.picture(true, 1)).status()).isEqualTo(200);
    } finally {
      for (Socket socket : slow) {
        socket.close();
      }
    }
  }
}
