package dev.nibble.engine.collective;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.engine.exec.HeapMeter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What every collective does, whatever it is made of. */
class CollectiveTest {
  private static final TcpSettings SETTINGS =
      TcpSettings.of("0123456789abcdef")
          .withDeadlines(Duration.ofSeconds(20), Duration.ofSeconds(6), Duration.ofSeconds(20));

  /** The kinds. */
  enum Kind {
    THREADS {
      @Override
      Opener opener(int workers) {
        List<Collective> all = LocalCollective.of(workers, Duration.ofSeconds(20));
        return all::get;
      }
    },
    TCP {
      @Override
      Opener opener(int workers) throws IOException {
        Listener listener =
            Listener.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        InetSocketAddress address = listener.address();
        return rank ->
            rank == 0
                ? TcpCollective.host(listener, workers, SETTINGS)
                : TcpCollective.join(address, rank, workers, SETTINGS);
      }
    };

    abstract Opener opener(int workers) throws IOException;
  }

  /** Makes one worker's end, on its own thread. */
  interface Opener {
    Collective open(int rank);
  }

  /** What a worker does. */
  interface Work {
    void run(Collective one) throws Exception;
  }

  static List<Future<Void>> run(Kind kind, int workers, Work work) throws Exception {
    Opener opener = kind.opener(workers);
    try (ExecutorService threads = Executors.newFixedThreadPool(workers)) {
      List<Callable<Void>> tasks = new ArrayList<>();
      for (int i = 0; i < workers; i++) {
        int rank = i;
        tasks.add(
            () -> {
              try (Collective one = opener.open(rank)) {
                assertThat(one.rank()).isEqualTo(rank);
                assertThat(one.size()).isEqualTo(workers);
                work.run(one);
              }
              return null;
            });
      }
      return threads.invokeAll(tasks);
    }
  }

  private static void all(List<Future<Void>> results) throws Exception {
    for (Future<Void> result : results) {
      result.get();
    }
  }

  /** Every worker sends every other pieces of random sizes, none at all to some. */
  @ParameterizedTest
  @EnumSource
  void piecesArriveWhole(Kind kind) throws Exception {
    long seed = System.nanoTime();
    for (int workers : new int[] {1, 2, 3, 5}) {
      all(run(kind, workers, one -> exchangeRandomly(one, seed)));
    }
  }

  static void exchangeRandomly(Collective one, long seed) {
    try (Arena arena = Arena.ofShared()) {
      for (int round = 0; round < 3; round++) {
        Random random = new Random(seed + round); // the same on every worker
        List<Piece> pieces = new ArrayList<>();
        List<MemorySegment> received = new ArrayList<>();
        List<byte[]> expected = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
          int owner = random.nextInt(one.size());
          int reader = random.nextInt(one.size());
          int bytes = random.nextInt(4) == 0 ? 0 : 1 + random.nextInt(1 << (1 + i % 12 * 2));
          byte[] content = new byte[bytes];
          random.nextBytes(content);
          MemorySegment memory = arena.allocate(Math.max(1, bytes)).asSlice(0, bytes);
          if (owner == one.rank()) {
            memory.copyFrom(MemorySegment.ofArray(content));
          } else if (reader == one.rank()) {
            received.add(memory);
            expected.add(content);
          }
          if (owner != reader) {
            pieces.add(new Piece(owner, reader, memory));
          }
        }
        Exchange exchange = one.prepare("random pieces", pieces);
        for (int repeat = 0; repeat < 2; repeat++) {
          received.forEach(memory -> memory.fill((byte) 0));
          one.barrier("round " + round + " " + repeat).run();
          exchange.run();
          for (int i = 0; i < received.size(); i++) {
            assertThat(received.get(i).toArray(JAVA_BYTE))
                .as("seed %d, round %d", seed, round)
                .isEqualTo(expected.get(i));
          }
        }
      }
      one.barrier("the end").run();
    }
  }

  /**
   * Bulk that is awaited long after, and more of it than the system's buffers hold, holds up
   * nothing that is begun later; a worker that is behind keeps nobody from going on.
   */
  @ParameterizedTest
  @EnumSource
  void bulkTravelsWhileOtherExchangesAreRun(Kind kind) throws Exception {
    long seed = System.nanoTime();
    all(run(kind, 3, one -> exchangeInBulk(one, seed)));
  }

  static void exchangeInBulk(Collective one, long seed) {
    int[] sizes = {9_000_000, 5, 70_000, 2_000_000};
    try (Arena arena = Arena.ofShared()) {
      List<Exchange> bulk = new ArrayList<>();
      List<List<MemorySegment>> memory = new ArrayList<>();
      List<MemorySegment> small = new ArrayList<>();
      for (int i = 0; i < one.size(); i++) {
        small.add(arena.allocate(40));
      }
      for (int size : sizes) {
        List<MemorySegment> parts = new ArrayList<>();
        List<Piece> pieces = new ArrayList<>();
        for (int owner = 0; owner < one.size(); owner++) {
          parts.add(arena.allocate(size));
          pieces.addAll(Piece.toAll(owner, one.size(), parts.get(owner)));
        }
        memory.add(parts);
        bulk.add(one.prepareBulk("much", pieces));
      }
      Exchange sums = one.allGather("the sums", small);
      for (int round = 0; round < 3; round++) {
        for (int i = 0; i < sizes.length; i++) {
          memory.get(i).get(one.rank()).fill(content(seed, round, i, one.rank()));
          bulk.get(i).begin();
          small.get(one.rank()).fill((byte) (round + i));
          sums.run();
          for (MemorySegment other : small) {
            assertThat(other.get(JAVA_BYTE, 39)).isEqualTo((byte) (round + i));
          }
          one.progress();
        }
        for (int i = 0; i < sizes.length; i++) {
          bulk.get(i).await();
          for (int owner = 0; owner < one.size(); owner++) {
            MemorySegment got = memory.get(i).get(owner);
            MemorySegment wanted = arena.allocate(sizes[i]);
            wanted.fill(content(seed, round, i, owner));
            assertThat(got.mismatch(wanted)).as("seed %d, %d of %d", seed, i, owner).isEqualTo(-1);
          }
        }
      }
      Exchange twice = bulk.getFirst();
      assertThatThrownBy(twice::await).isInstanceOf(IllegalStateException.class);
      twice.begin();
      assertThatThrownBy(twice::begin).isInstanceOf(IllegalStateException.class);
      twice.await();
      one.barrier("the end").run();
    }
  }

  private static byte content(long seed, int round, int exchange, int owner) {
    return (byte) (seed + 31L * round + 7L * exchange + owner);
  }

  @ParameterizedTest
  @EnumSource
  void theFirstCauseIsToldToAll(Kind kind) throws Exception {
    List<Future<Void>> results =
        run(
            kind,
            3,
            one -> {
              Exchange exchange = one.barrier("the place");
              if (one.rank() == 1) {
                exchange.run();
                one.fail("the disk is full");
                one.fail("something else");
                assertThatThrownBy(one::check).hasMessageContaining("the disk is full");
              } else {
                // Who still looks whether all have come may be told at the first already.
                assertThatThrownBy(
                        () -> {
                          exchange.run();
                          exchange.run();
                        })
                    .isInstanceOf(CollectiveException.class)
                    .hasMessage("Worker 1 of 3 failed: the disk is full");
                assertThatThrownBy(one::check).hasMessageContaining("the disk is full");
              }
            });
    all(results);
  }

  @ParameterizedTest
  @EnumSource
  void whoLeavesEndsTheWaitsOfTheOthers(Kind kind) throws Exception {
    List<Future<Void>> results =
        run(
            kind,
            3,
            one -> {
              Exchange exchange = one.barrier("the place");
              exchange.run();
              if (one.rank() != 2) {
                exchange.run();
              }
            });
    results.get(2).get();
    for (int rank = 0; rank < 2; rank++) {
      Future<Void> result = results.get(rank);
      assertThatThrownBy(result::get)
          .isInstanceOf(ExecutionException.class)
          .cause()
          .hasMessage("Worker 2 of 3 has left before the others were done.");
    }
  }

  /** Once warm, a thousand exchanges cost their threads no memory. */
  @ParameterizedTest
  @EnumSource
  void anExchangeAllocatesNothing(Kind kind) throws Exception {
    all(
        run(
            kind,
            2,
            one -> {
              try (Arena arena = Arena.ofShared()) {
                Exchange exchange =
                    one.allGather("memory", List.of(arena.allocate(3000), arena.allocate(700_000)));
                HeapMeter meter = new HeapMeter();
                long least = Long.MAX_VALUE;
                for (int round = 0; round < 5; round++) {
                  long before = meter.allocatedBytes();
                  for (int i = 0; i < 200; i++) {
                    exchange.run();
                  }
                  least = Math.min(least, meter.allocatedBytes() - before);
                }
                // Of both workers, and asking.
                assertThat(least).isLessThan(5000);
                one.barrier("the end").run();
              }
            }));
  }
}
