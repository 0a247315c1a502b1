package dev.nibble.spark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.spark.BarrierTaskContext;

/** Where a fit's checkpoints go, once all workers have seen that it is the same place for all. */
final class SharedFolder {
  private static final long SEEN_NANOS = TimeUnit.SECONDS.toNanos(5);
  private static final long LOOK_NANOS = 20_000_000;

  private SharedFolder() {}

  /**
   * Makes the folder.
   *
   * @param context by which all workers meet; each calls this
   * @param within the folder that was asked for
   * @param name the fit's own folder in it
   * @throws IllegalArgumentException if a worker does not see what worker 0 writes there
   */
  static Path agree(BarrierTaskContext context, int rank, String within, String name)
      throws IOException {
    Path folder = Path.of(within).resolve(name);
    Path token = null;
    if (rank == 0) {
      Files.createDirectories(folder);
      token = Files.createTempFile(folder, ".shared-", "");
    }
    try {
      String[] told = context.allGather(token == null ? "" : token.getFileName().toString());
      boolean seen = sees(folder.resolve(told[0]));
      String[] answers = context.allGather(Boolean.toString(seen));
      for (int worker = 0; worker < answers.length; worker++) {
        if (!Boolean.parseBoolean(answers[worker])) {
          throw new IllegalArgumentException(
              "Worker %d does not see worker 0's checkpoints in %s: name a folder that all executors share, or none."
                  .formatted(worker, within));
        }
      }
      return folder;
    } finally {
      if (token != null) {
        Files.deleteIfExists(token);
      }
    }
  }

  /** Network file systems may take a moment to show a file. */
  private static boolean sees(Path file) {
    long end = System.nanoTime() + SEEN_NANOS;
    while (!Files.exists(file)) {
      if (System.nanoTime() > end) {
        return false;
      }
      LockSupport.parkNanos(file, LOOK_NANOS);
    }
    return true;
  }
}
