package dev.nibble.engine.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Networks and strangers: nothing that they do harms a run, or hangs it. */
class TcpFaultsTest {
  private static final InetAddress HOME = InetAddress.getLoopbackAddress();

  private static TcpSettings settings(String secret, double join, double silence) {
    return TcpSettings.of(secret)
        .withDeadlines(
            Duration.ofMillis((long) (1000 * join)),
            Duration.ofMillis((long) (1000 * silence)),
            Duration.ofSeconds(10));
  }

  private static Listener listener() throws IOException {
    return Listener.open(new InetSocketAddress(HOME, 0));
  }

  @Test
  void strangersOnThePortHarmNothing() throws Exception {
    TcpSettings settings = settings("a secret of this run", 20, 5);
    Listener listener = listener();
    InetSocketAddress address = listener.address();
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      Future<Collective> host = threads.submit(() -> TcpCollective.host(listener, 2, settings));
      long seed = System.nanoTime();
      Random random = new Random(seed);
      List<Socket> open = new CopyOnWriteArrayList<>();
      for (int i = 0; i < 20; i++) {
        Socket stranger = new Socket(HOME, address.getPort());
        open.add(stranger); // some say nothing, and stay
        byte[] rubbish = new byte[random.nextInt(3000)];
        random.nextBytes(rubbish);
        if (i % 3 == 0) {
          byte[] magic = "NIBBLE-2".getBytes(StandardCharsets.US_ASCII);
          System.arraycopy(magic, 0, rubbish, 0, Math.min(8, rubbish.length));
        }
        if (i % 4 != 0) {
          try {
            stranger.getOutputStream().write(rubbish);
          } catch (IOException e) {
            // It was hung up on already.
          }
        }
      }
      assertThatThrownBy(
              () -> TcpCollective.join(address, 1, 2, settings("another secret, I fear", 20, 5)))
          .isInstanceOf(CollectiveException.class)
          .hasMessageContaining("does not know this run's secret");
      try (Collective joined = TcpCollective.join(address, 1, 2, settings)) {
        Future<?> barrier =
            threads.submit(
                () -> {
                  try (Collective one = host.get()) {
                    one.barrier("the place").run();
                  }
                  return null;
                });
        joined.barrier("the place").run();
        barrier.get();
      }
      for (Socket stranger : open) {
        stranger.close();
      }
      assertThatThrownBy(() -> new Socket(HOME, address.getPort()).close())
          .as("nothing listens once all have joined (seed %d)", seed)
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  void whoIsMissingIsNamed() throws Exception {
    TcpSettings settings = settings("a secret of this run", 0.5, 5);
    Listener listener = listener();
    InetSocketAddress address = listener.address();
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      Future<Collective> join = threads.submit(() -> TcpCollective.join(address, 2, 3, settings));
      assertThatThrownBy(() -> TcpCollective.host(listener, 3, settings))
          .hasMessageContaining("Worker 1 of 3 has not joined within 0 s");
      assertThatThrownBy(join::get).cause().isInstanceOf(CollectiveException.class);
    }
    assertThatThrownBy(() -> TcpCollective.join(address, 1, 3, settings))
        .isInstanceOf(CollectiveException.class)
        .hasMessageContaining("reached no worker 0");
  }

  @Test
  void workersOfAnotherRunAreRefused() throws Exception {
    TcpSettings settings = settings("a secret of this run", 3, 5);
    Listener listener = listener();
    InetSocketAddress address = listener.address();
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      Future<Collective> host = threads.submit(() -> TcpCollective.host(listener, 2, settings));
      assertThatThrownBy(() -> TcpCollective.join(address, 1, 3, settings))
          .hasMessage("Worker 1 was refused: this run has 2 workers, not 3.");
      Future<Collective> first = threads.submit(() -> TcpCollective.join(address, 1, 2, settings));
      first.get().close();
      host.get().close();
    }
  }

  /** A network between two workers that can be cut or fall silent. */
  private static final class Network implements AutoCloseable {
    private final ServerSocket server = new ServerSocket(0, 10, HOME);
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final int hangUps;
    private volatile boolean silent;

    Network(InetSocketAddress target) throws IOException {
      this(target, 0);
    }

    /** One that hangs up on the first so many. */
    Network(InetSocketAddress target, int hangUps) throws IOException {
      this.hangUps = hangUps;
      Thread.ofVirtual().start(() -> accept(target));
    }

    InetSocketAddress address() {
      return new InetSocketAddress(HOME, server.getLocalPort());
    }

    private void accept(InetSocketAddress target) {
      try {
        for (int i = 0; i < hangUps; i++) {
          server.accept().close();
        }
        while (true) {
          Socket in = server.accept();
          Socket out = new Socket(target.getAddress(), target.getPort());
          sockets.add(in);
          sockets.add(out);
          Thread.ofVirtual().start(() -> pump(in, out));
          Thread.ofVirtual().start(() -> pump(out, in));
        }
      } catch (IOException e) {
        // closed
      }
    }

    private void pump(Socket from, Socket to) {
      byte[] buffer = new byte[4096];
      try (InputStream in = from.getInputStream();
          OutputStream out = to.getOutputStream()) {
        for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
          while (silent) {
            Thread.sleep(10);
          }
          out.write(buffer, 0, n);
        }
      } catch (IOException | InterruptedException e) {
        // cut
      }
    }

    void fallSilent() {
      silent = true;
    }

    void cut() throws IOException {
      for (Socket socket : sockets) {
        socket.close();
      }
    }

    @Override
    public void close() throws IOException {
      silent = false;
      server.close();
      cut();
    }
  }

  private interface Accident {
    void happen(Network network) throws IOException;
  }

  private static void expect(Accident accident, String sentence) throws Exception {
    TcpSettings settings = settings("a secret of this run", 20, 1);
    Listener listener = listener();
    try (Network network = new Network(listener.address());
        ExecutorService threads = Executors.newFixedThreadPool(2)) {
      Future<Collective> opened = threads.submit(() -> TcpCollective.host(listener, 2, settings));
      try (Collective one = TcpCollective.join(network.address(), 1, 2, settings);
          Collective zero = opened.get()) {
        Future<?> first = threads.submit(() -> zero.barrier("one").run());
        one.barrier("one").run();
        first.get();
        long start = System.nanoTime();
        accident.happen(network);
        Future<?> second = threads.submit(() -> zero.barrier("two").run());
        assertThatThrownBy(() -> one.barrier("two").run())
            .isInstanceOf(CollectiveException.class)
            .hasMessageMatching("Worker [01] of 2 " + sentence + ".*");
        assertThatThrownBy(second::get)
            .isInstanceOf(ExecutionException.class)
            .cause()
            .hasMessageMatching("Worker [01] of 2 " + sentence + ".*");
        assertThat(System.nanoTime() - start).isLessThan(8_000_000_000L);
      }
    }
  }

  /** As a proxy does whose worker 0 does not listen yet. */
  @Test
  void whoIsHungUpOnTriesAgain() throws Exception {
    TcpSettings settings = settings("a secret of this run", 20, 5);
    Listener listener = listener();
    try (Network network = new Network(listener.address(), 3);
        ExecutorService threads = Executors.newFixedThreadPool(1)) {
      Future<Collective> opened = threads.submit(() -> TcpCollective.host(listener, 2, settings));
      try (Collective one = TcpCollective.join(network.address(), 1, 2, settings);
          Collective zero = opened.get()) {
        assertThat(one.size()).isEqualTo(zero.size());
      }
    }
  }

  @Test
  void anotherVersionIsCalledThat() throws Exception {
    TcpSettings settings = settings("a secret of this run", 5, 5);
    Listener listener = listener();
    InetSocketAddress address = listener.address();
    try (ExecutorService threads = Executors.newFixedThreadPool(1)) {
      Future<Collective> host = threads.submit(() -> TcpCollective.host(listener, 2, settings));
      try (Socket older = new Socket(HOME, address.getPort())) {
        older.setSoTimeout(10_000);
        older.getOutputStream().write("NIBBLE-0".getBytes(StandardCharsets.US_ASCII));
        byte[] answer = older.getInputStream().readNBytes(100);
        assertThat(new String(answer, StandardCharsets.US_ASCII)).matches("NIBBLE-[1-9]");
      }
      TcpCollective.join(address, 1, 2, settings).close();
      host.get().close();
    }
    try (ServerSocket other = new ServerSocket(0, 10, HOME)) {
      Thread.ofVirtual()
          .start(
              () -> {
                try (Socket caller = other.accept()) {
                  caller.getInputStream().readNBytes(8);
                  caller.getOutputStream().write("NIBBLE-0".getBytes(StandardCharsets.US_ASCII));
                  caller.getInputStream().readAllBytes();
                } catch (IOException e) {
                  // It has hung up.
                }
              });
      InetSocketAddress there = new InetSocketAddress(HOME, other.getLocalPort());
      assertThatThrownBy(() -> TcpCollective.join(there, 1, 2, settings))
          .hasMessageContaining("a worker of another version of Nibble");
    }
  }

  @Test
  void aConnectionThatIsCutEndsTheRun() throws Exception {
    expect(Network::cut, "is gone");
  }

  @Test
  void aNetworkThatFallsSilentEndsTheRun() throws Exception {
    expect(Network::fallSilent, "has been silent for 1.0 s");
  }
}
