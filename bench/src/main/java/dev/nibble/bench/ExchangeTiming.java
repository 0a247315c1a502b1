package dev.nibble.bench;

import dev.nibble.engine.collective.Collective;
import dev.nibble.engine.collective.Exchange;
import dev.nibble.engine.collective.Listener;
import dev.nibble.engine.collective.TcpCollective;
import dev.nibble.engine.collective.TcpSettings;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Times exchanges between workers over TCP, where nothing else is computed: {@code ExchangeTiming
 * RANK WORLD HOST PORT}, once for each worker; worker 0 prints one JSON line. Small ones are what a
 * stage's statistics take, one at a time; large ones go both ways at once.
 */
public final class ExchangeTiming {
  private static final int SMALL = 1 << 10;
  private static final int LARGE = 8 << 20;
  private static final int WARM = 300;

  /** No secret: nothing but noise is exchanged. */
  private static final TcpSettings SETTINGS = TcpSettings.of("timing of exchanges");

  private ExchangeTiming() {}

  /** Runs the program. */
  public static void main(String[] args) throws IOException {
    if (args.length != 4) {
      System.err.println("usage: ExchangeTiming RANK WORLD HOST PORT");
      System.exit(2);
    }
    int rank = Integer.parseInt(args[0]);
    int world = Integer.parseInt(args[1]);
    InetSocketAddress address = new InetSocketAddress(args[2], Integer.parseInt(args[3]));
    try (Collective one =
            rank == 0
                ? TcpCollective.host(Listener.open(address), world, SETTINGS)
                : TcpCollective.join(address, rank, world, SETTINGS);
        Arena arena = Arena.ofShared()) {
      double[] small = seconds(one, arena, SMALL, WARM + 1000);
      double[] large = seconds(one, arena, LARGE, 12);
      if (rank == 0) {
        // What a worker sends is what it receives, at the same time.
        double bits = 8.0 * LARGE * (world - 1);
        System.out.printf(
            Locale.ROOT,
            "{\"workers\": %d, \"small_bytes\": %d, \"small_us\": %.1f, \"small_least_us\": %.1f,"
                + " \"large_bytes\": %d, \"large_ms\": %.2f, \"gbit_per_second\": %.2f}%n",
            world,
            SMALL,
            1e6 * median(small),
            1e6 * small[0],
            LARGE,
            1e3 * median(large),
            bits / median(large) / 1e9);
      }
    }
  }

  /** The second part of so many all-gathers, sorted. */
  private static double[] seconds(Collective one, Arena arena, int bytes, int times) {
    List<MemorySegment> memory = new ArrayList<>();
    for (int worker = 0; worker < one.size(); worker++) {
      memory.add(arena.allocate(bytes));
    }
    Exchange exchange = one.allGather("noise", memory);
    double[] all = new double[times];
    for (int i = 0; i < times; i++) {
      long start = System.nanoTime();
      exchange.run();
      all[i] = (System.nanoTime() - start) / 1e9;
    }
    double[] warm = Arrays.copyOfRange(all, Math.min(WARM, times / 3), times);
    Arrays.sort(warm);
    return warm;
  }

  private static double median(double[] sorted) {
    return sorted[sorted.length / 2];
  }
}
