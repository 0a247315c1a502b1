package dev.nibble.engine.train;

import dev.nibble.engine.checkpoint.CheckpointStore;
import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.Exchange;
import dev.nibble.engine.collective.Listener;
import dev.nibble.engine.collective.Piece;
import dev.nibble.engine.collective.TcpCollective;
import dev.nibble.engine.collective.TcpSettings;
import dev.nibble.engine.data.DataSplits;
import dev.nibble.engine.data.sources.ShapesDataset;
import dev.nibble.engine.network.Network;
import dev.nibble.engine.network.NetworkBuilder;
import dev.nibble.engine.train.TrainingOptions.Schedule;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.HostKernels;
import dev.nibble.kernels.KernelSession;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** One of two workers that share a run; as a program, it dies as if killed at a given place. */
public final class DyingWorker {
  private static final int KILLED = 137;
  private static final String SECRET = "a secret of these tests";

  private DyingWorker() {}

  /** Arguments: RANK PORT PLACE COUNT FOLDER. */
  public static void main(String[] args) throws Exception {
    int rank = Integer.parseInt(args[0]);
    String place = args[2];
    AtomicInteger left = new AtomicInteger(Integer.parseInt(args[3]));
    Path folder = Path.of(args[4]);
    Kernels kernels = KernelProvider.choose("scalar");
    if (place.equals("checkpoint")) {
      Thread.ofPlatform().daemon().start(() -> dieWhileSaving(folder, left.get()));
    }
    try (Collective one = open(rank, Integer.parseInt(args[1]))) {
      Collective dying = place.equals("exchange") ? dying(one, left) : one;
      run(dying, dying(kernels, place, left), rank == 0 ? folder : null);
    }
  }

  /** Meets the other one. */
  static Collective open(int rank, int port) throws IOException {
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    TcpSettings settings =
        TcpSettings.of(SECRET)
            .withDeadlines(Duration.ofSeconds(30), Duration.ofSeconds(4), Duration.ofSeconds(30));
    return rank == 0
        ? TcpCollective.host(Listener.open(address), 2, settings)
        : TcpCollective.join(address, rank, 2, settings);
  }

  static TrainingOptions options() {
    return TrainingOptions.builder()
        .batch(64)
        .epochs(10)
        .schedule(Schedule.COSINE, 0.05f)
        .seed(3)
        .checkpointEvery(1)
        .threads(1)
        .build();
  }

  /** Trains, from the folder's checkpoint if there is one; returns the weights. */
  static byte[] run(@Nullable Collective one, Kernels kernels, @Nullable Path folder) {
    NetworkBuilder b = Network.builder("small", new FeatureMap(32, 32, 3));
    NetworkBuilder.Node x = b.convolution("one", b.input(), 8, 3, 2);
    x = b.convolution("two", b.relu(b.batchNorm("one.bn", x)), 8, 3, 2);
    x = b.globalAveragePool(b.relu(b.batchNorm("two.bn", x)));
    Network network = b.build(b.dense("fc", x, 10));
    try (MemoryAccount account = MemoryAccount.root("worker", MemoryAccount.UNLIMITED);
        DataSplits data =
            new DataSplits(ShapesDataset.train(1, 128), ShapesDataset.test(1, 10), "shapes");
        Trainer trainer =
            one == null
                ? Trainer.open(network, data, options(), kernels, account)
                : Trainer.open(network, data, options(), kernels, account, one)) {
      if (folder != null) {
        CheckpointStore store = new CheckpointStore(folder);
        var latest = store.loadLatest(warning -> {});
        if (latest.isPresent()) {
          try (var checkpoint = latest.get()) {
            trainer.resume(checkpoint);
          }
        }
        trainer.checkpointTo(store);
      }
      trainer.run(new TrainingListener() {});
      return trainer.session().weights().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
    }
  }

  private static void die() {
    Runtime.getRuntime().halt(KILLED);
  }

  /** Looks until a checkpoint of that step or a later one is being written. */
  private static void dieWhileSaving(Path folder, int step) {
    while (true) {
      for (int later = step; later < step + 4; later++) {
        if (Files.exists(folder.resolve("step-%09d.nibble.tmp".formatted(later)))) {
          die();
        }
      }
    }
  }

  /** Kernels that die at the so-manieth call of a method. */
  private static Kernels dying(Kernels kernels, String method, AtomicInteger left) {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {HostKernels.class},
            (proxy, called, arguments) -> {
              if (called.getName().equals(method) && left.decrementAndGet() == 0) {
                die();
              }
              try {
                Object result = called.invoke(kernels, arguments);
                if (result instanceof KernelSession) {
                  return KernelSession.of((Kernels) proxy); // the scalar ones hold nothing
                }
                return result instanceof Kernels ? proxy : result; // itself
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  /** A collective that dies at the so-manieth exchange, for which the other one then waits. */
  private static Collective dying(Collective one, AtomicInteger left) {
    return new Collective() {
      @Override
      public int rank() {
        return one.rank();
      }

      @Override
      public int size() {
        return one.size();
      }

      @Override
      public Exchange prepare(String name, List<Piece> pieces) {
        return dying(one.prepare(name, pieces), left);
      }

      @Override
      public Exchange prepareBulk(String name, List<Piece> pieces) {
        return dying(one.prepareBulk(name, pieces), left);
      }

      @Override
      public void progress() {
        one.progress();
      }

      @Override
      public void fail(String cause) {
        one.fail(cause);
      }

      @Override
      public void check() {
        one.check();
      }

      @Override
      public void close() {
        one.close();
      }
    };
  }

  private static Exchange dying(Exchange exchange, AtomicInteger left) {
    return new Exchange() {
      @Override
      public void begin() {
        if (left.decrementAndGet() == 0) {
          die();
        }
        exchange.begin();
      }

      @Override
      public void await() {
        exchange.await();
      }
    };
  }
}
