package dev.nibble.engine.collective;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;

/** A worker that {@code mpirun} starts: exchanges, and says what happened. */
final class MpiMain {
  private MpiMain() {}

  /** {@code exchange SEED}, {@code fail} or {@code late}. */
  public static void main(String[] args) {
    MpiCollective.Place place = MpiCollective.place();
    try (MpiCollective one =
            MpiCollective.join(Duration.ofSeconds(args[0].equals("late") ? 2 : 60));
        Arena arena = Arena.ofShared()) {
      if (place == null || place.rank() != one.rank() || place.size() != one.size()) {
        throw new IllegalStateException("mpirun says " + place + ", MPI " + one.rank());
      }
      if (args[0].equals("exchange")) {
        System.out.println("nulls found: " + nulls());
        CollectiveTest.exchangeRandomly(one, Long.parseLong(args[1]));
        CollectiveTest.exchangeInBulk(one, Long.parseLong(args[1]));
        System.out.println("allocated " + allocated(one, arena));
      } else if (one.rank() == 1) {
        if (args[0].equals("fail")) {
          one.fail("the disk is full");
          one.check();
        }
        Thread.sleep(30_000);
      }
      one.barrier("the end").run();
      System.out.println("worker " + one.rank() + " is done, " + one.description());
    } catch (CollectiveException e) {
      System.out.println("told: " + e.getMessage());
      System.exit(1);
    } catch (InterruptedException e) {
      System.exit(2);
    }
  }

  /** Compiled code finds a null by a SIGSEGV, which a library must leave to the JVM. */
  private static int nulls() {
    byte[][] arrays = new byte[30_000][1];
    arrays[arrays.length - 1] = null;
    int nulls = 0;
    for (byte[] array : arrays) {
      try {
        nulls += length(array) - 1;
      } catch (NullPointerException e) {
        nulls++;
      }
    }
    return nulls;
  }

  private static int length(byte[] array) {
    return array.length;
  }

  /** The least that a hundred exchanges cost. */
  private static long allocated(Collective one, Arena arena) {
    Exchange exchange =
        one.allGather(
            "memory",
            List.of(arena.allocate(3000), arena.allocate(700_000), MemorySegment.NULL)
                .subList(0, one.size()));
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long least = Long.MAX_VALUE;
    for (int round = 0; round < 20; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < 100; i++) {
        exchange.run();
      }
      least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
    }
    return least;
  }
}
