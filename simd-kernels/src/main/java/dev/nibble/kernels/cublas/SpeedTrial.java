package dev.nibble.kernels.cublas;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.Cut;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.GradientTerm;
import dev.nibble.kernels.KernelSession;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Partials;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.Workload;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * Times one convolution's stage with two kernels, a shard a thread, on zeros, forward and backward.
 * What its passes need is allocated for the moment, and bounded by what the caller has left.
 */
final class SpeedTrial implements AutoCloseable {
  /** The JVM compiles the kernels while they run: seconds until they are as fast as they get. */
  private static final long MOST_NANOS = 6_000_000_000L;

  /** Rounds in which neither got faster, after which the trial ends. */
  private static final int STEADY_ROUNDS = 20;

  /** Pictures beyond this are not measured: it is more than any cache holds. */
  private static final long MOST_BYTES = 64 << 20;

  private static final long ALIGNMENT = 64;

  private final int pictures;
  private final int threads;
  private final Workload workload;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment workspace;
  private final ExecutorService pool;
  private final ForwardArgs forward;
  private final BackwardArgs backward;
  private long used;

  SpeedTrial(Convolution op, int picturesPerShard, int threads) {
    this.pictures = pictures(op, picturesPerShard, threads);
    this.threads = threads;
    Stage stage = stage(op);
    int batch = pictures * threads;
    this.workload = workload(op, pictures, threads);
    long input = batch * stage.input().bytes();
    long output = batch * stage.output().bytes();
    long partials = threads * Partials.weightBytes(stage);
    long sumBytes = threads * Partials.sumBytes(stage);
    workspace = arena.allocate(workspaceBytes(op, pictures, threads), ALIGNMENT);
    MemorySegment x = buffer(input);
    MemorySegment y = buffer(output);
    MemorySegment weights = buffer(4L * op.weights());
    MemorySegment bias = op.bias() ? buffer(4L * op.outChannels()) : null;
    MemorySegment dx = buffer(input);
    MemorySegment gradients = buffer(partials);
    MemorySegment sums = buffer(sumBytes);
    forward = new ForwardArgs(stage, batch, x, null, null, weights, bias, null, null, y, null);
    backward =
        new BackwardArgs(
            stage,
            batch,
            List.of(GradientTerm.plain(y, stage.output())),
            null,
            x,
            null,
            null,
            weights,
            null,
            List.of(),
            dx,
            gradients,
            sums);
    pool = Executors.newFixedThreadPool(threads, Thread.ofPlatform().daemon().factory());
  }

  /**
   * A trial that takes no more than so many bytes, on the heap and off it: with fewer pictures, if
   * need be.
   *
   * @param rivals what it will compare
   * @return null if not even one picture a thread fits
   */
  static @Nullable SpeedTrial within(
      long most, Convolution op, int picturesPerShard, int threads, List<Kernels> rivals) {
    for (int pictures = pictures(op, picturesPerShard, threads); pictures > 0; pictures /= 2) {
      if (bytes(op, pictures, threads, rivals) <= most) {
        return new SpeedTrial(op, pictures, threads);
      }
    }
    return null;
  }

  /** All that a trial of so many pictures a thread takes. */
  private static long bytes(Convolution op, int pictures, int threads, List<Kernels> rivals) {
    Workload workload = workload(op, pictures, threads);
    long bytes = workspaceBytes(op, pictures, threads);
    for (Kernels kernels : rivals) {
      bytes += kernels.stagingBytes(workload);
      bytes += 4L * kernels.packedFloats(stage(op));
      bytes += 4L * threads * kernels.scratchFloats(stage(op));
    }
    return bytes;
  }

  private static int pictures(Convolution op, int picturesPerShard, int threads) {
    long picture = threads * (2 * op.input().bytes() + op.output().bytes());
    return Math.clamp(MOST_BYTES / picture, 1, picturesPerShard);
  }

  private static Stage stage(Convolution op) {
    return new Stage(op, new Activation(false, false, StoreFormat.KEPT, false), null, false);
  }

  private static Workload workload(Convolution op, int pictures, int threads) {
    return new Workload(List.of(stage(op)), pictures * threads, threads, threads);
  }

  private static long workspaceBytes(Convolution op, int pictures, int threads) {
    Stage stage = stage(op);
    long batch = (long) pictures * threads;
    return batch * (2 * stage.input().bytes() + stage.output().bytes())
        + threads * (Partials.weightBytes(stage) + Partials.sumBytes(stage))
        + 4L * op.weights()
        + 4L * op.outChannels()
        + 7 * ALIGNMENT;
  }

  private MemorySegment buffer(long bytes) {
    MemorySegment buffer = workspace.asSlice(used, bytes);
    used += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return buffer;
  }

  /** Kernels, open, with what their passes run in. */
  private final class Runner implements AutoCloseable {
    private final Arena staging = Arena.ofShared();
    private final KernelSession session;
    private final float[] packed;
    private final List<float[]> scratch = new ArrayList<>();
    private long best = Long.MAX_VALUE;

    Runner(Kernels kernels) {
      long bytes = kernels.stagingBytes(workload);
      packed = new float[kernels.packedFloats(forward.stage())];
      for (int i = 0; i < threads; i++) {
        scratch.add(new float[kernels.scratchFloats(forward.stage())]);
      }
      try {
        session = kernels.open(workload, workspace, staging.allocate(bytes, 64));
      } catch (RuntimeException | Error e) {
        staging.close();
        throw e;
      }
    }

    /** Runs the passes once; returns whether it was the fastest so far. */
    boolean run() throws InterruptedException {
      Kernels kernels = session.kernels();
      long start = System.nanoTime();
      int portions = kernels.portions(forward.stage());
      int units = kernels.packUnits(forward.stage()) / portions;
      for (int portion = 0; portion < portions; portion++) {
        int k = portion;
        for (int unit = 0; unit < units; unit++) {
          kernels.packForward(forward, k * units + unit, packed);
        }
        all(
            i ->
                kernels.forward(
                    forward, i, from(i), from(i + 1), k, portions, packed, scratch.get(i)));
      }
      boolean fused = Cut.mayFuse(backward.stage(), 1);
      for (int portion = 0; portion < portions; portion++) {
        int k = portion;
        for (int unit = 0; unit < units; unit++) {
          kernels.packBackward(backward, k * units + unit, packed);
        }
        all(
            i -> {
              float[] own = scratch.get(i);
              if (fused) {
                kernels.backward(backward, i, from(i), from(i + 1), 0, 1, packed, own);
              } else {
                kernels.backwardData(backward, i, from(i), from(i + 1), k, portions, packed, own);
              }
            });
      }
      if (!fused) {
        all(i -> kernels.backwardWeights(backward, i, from(i), from(i + 1), 0, 1, scratch.get(i)));
      }
      long time = System.nanoTime() - start;
      boolean faster = time < best;
      best = Math.min(best, time);
      return faster;
    }

    @Override
    public void close() {
      try (staging) {
        session.close();
      }
    }
  }

  private interface Shard {
    void run(int index);
  }

  private int from(int shard) {
    return shard * pictures;
  }

  private void all(Shard shard) throws InterruptedException {
    List<Callable<Boolean>> tasks = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      int index = i;
      tasks.add(
          () -> {
            shard.run(index);
            return true;
          });
    }
    for (Future<Boolean> future : pool.invokeAll(tasks)) {
      try {
        future.get();
      } catch (ExecutionException e) {
        if (e.getCause() instanceof RuntimeException cause) {
          throw cause;
        }
        throw new IllegalStateException(e.getCause());
      }
    }
  }

  /** Whether the challenger's fastest round beats the other's. */
  boolean isFaster(Kernels challenger, Kernels other) throws InterruptedException {
    try (Runner first = new Runner(challenger);
        Runner second = new Runner(other)) {
      long end = System.nanoTime() + MOST_NANOS;
      for (int steady = 0; steady < STEADY_ROUNDS && System.nanoTime() < end; steady++) {
        boolean faster = first.run();
        faster |= second.run();
        if (faster) {
          steady = 0;
        }
      }
      System.getLogger("dev.nibble.kernels")
          .log(
              Level.DEBUG,
              "{0}: {1} us with {2}, {3} us with {4}",
              forward.stage().operator(),
              first.best / 1000,
              challenger.name(),
              second.best / 1000,
              other.name());
      return first.best < second.best;
    }
  }

  @Override
  public void close() {
    try (arena) {
      // Waits for shards that an interrupted round has left behind: kernels write to bare
      // addresses.
      pool.close();
    }
  }
}
