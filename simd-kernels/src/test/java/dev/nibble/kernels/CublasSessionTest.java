package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.cublas.CudaOptions;
import dev.nibble.kernels.cublas.StandInDevice;
import dev.nibble.kernels.scalar.ScalarKernels;
import dev.nibble.kernels.vector.VectorKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A session as a network uses it: stage after stage through the same lanes, step after step. */
class CublasSessionTest {
  private static final int THREADS = 2;
  private static final int[] BOUNDS = {0, 3, 5, 5, 9};
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private final StandInDevice device = new StandInDevice();
  private final Arena arena = Arena.ofShared(); // a confined one would not let the threads in
  private final List<WholeStage> stages =
      List.of(
          stage(new Convolution(new FeatureMap(9, 7, 5), 8, 3, 1, true)),
          stage(new Convolution(new FeatureMap(9, 7, 8), 17, 3, 2, true)),
          stage(new Convolution(new FeatureMap(5, 4, 17), 6, 1, 1, false)),
          stage(new Convolution(new FeatureMap(8, 11, 3), 4, 1, 2, true)),
          stage(new Convolution(new FeatureMap(6, 6, 2), 3, 5, 3, false)),
          stage(new Convolution(new FeatureMap(9, 7, 5), 8, 3, 1, true)));

  private WholeStage stage(Convolution op) {
    return new WholeStage(arena, op, false, BOUNDS);
  }

  @AfterEach
  void nothingIsLeft() {
    arena.close();
    device.verify();
    device.close();
  }

  private KernelSession open(HostKernels host) {
    Kernels kernels = device.kernels(CudaOptions.defaults(), host);
    Workload workload =
        new Workload(
            stages.stream().map(WholeStage::stage).toList(),
            BOUNDS[BOUNDS.length - 1],
            BOUNDS.length - 1,
            THREADS);
    MemorySegment staging = arena.allocate(kernels.stagingBytes(workload), 64);
    return kernels.open(workload, MemorySegment.NULL, staging);
  }

  /**
   * What a stage leaves in slots and staging, the next must not find; nor the last step's weights.
   */
  @Test
  void nothingOfAnotherStageOrStepIsLeftInAResult() {
    try (KernelSession session = open(new ScalarKernels())) {
      for (int step = 0; step < 3; step++) {
        for (WholeStage stage : stages) {
          stage.draw(7 * step + 1);
          stage.run(session.kernels());
          stage.assertWrittenAsBy(new ScalarKernels());
        }
      }
      // Activations travel in registered memory, weights once a step from where they are.
      assertThat(device.pageableCopies()).isEqualTo(3 * stages.size());
    }
  }

  @Test
  void threadsDoNotMeetInEitherPass() throws Exception {
    try (KernelSession session = open(new VectorKernels(false))) {
      Kernels kernels = session.kernels();
      for (int step = 0; step < 4; step++) {
        for (WholeStage s : stages) {
          s.draw(step + 1);
          float[] none = {};
          kernels.packForward(s.forward(), 0, none);
          all(
              s,
              (i, scratch) ->
                  kernels.forward(s.forward(), i, s.from(i), s.to(i), 0, 1, none, scratch));
          kernels.packBackward(s.backward(), 0, none);
          all(
              s,
              (i, scratch) ->
                  kernels.backward(s.backward(), i, s.from(i), s.to(i), 0, 1, none, scratch));
          s.assertWrittenAsBy(new ScalarKernels());
        }
      }
    }
  }

  private interface Shard {
    void run(int index, float[] scratch);
  }

  /** On new threads each time, to which the device's context means nothing yet. */
  private static void all(WholeStage stage, Shard shard) throws Exception {
    VectorKernels host = new VectorKernels(false);
    int floats =
        Math.max(host.scratchFloats(stage.stage()), host.offload().scratchFloats(stage.stage()));
    List<Callable<Boolean>> tasks = new ArrayList<>();
    for (int i = 0; i < stage.shards(); i++) {
      int index = i;
      tasks.add(
          () -> {
            shard.run(index, new float[floats]);
            return true;
          });
    }
    try (ExecutorService pool = Executors.newFixedThreadPool(THREADS)) {
      for (Future<Boolean> future : pool.invokeAll(tasks)) {
        future.get();
      }
    }
  }

  /** Whoever closes it: the thread's context is the device's meanwhile, and none afterwards. */
  @Test
  void aSessionIsClosedByAThreadThatNeverComputed() throws Exception {
    KernelSession session = open(new ScalarKernels());
    try (ExecutorService other = Executors.newSingleThreadExecutor()) {
      other.submit(session::close).get();
      assertThat(other.submit(device::isAnyContextCurrent).get()).isFalse();
    }
    device.verify();
  }

  /** A pass that fails ends what it began, and the session computes on where the device does. */
  @Test
  void aPassThatFailsLeavesNothingUnderWay() {
    try (KernelSession session = open(new ScalarKernels())) {
      WholeStage stage = stages.get(1);
      stage.draw(1);
      int before = device.calls();
      stage.run(session.kernels());
      int calls = device.calls() - before;
      assertThat(calls).isGreaterThan(50);
      for (int nth = 1; nth <= calls; nth++) {
        stage.draw(nth);
        device.failNext(nth, 1);
        assertThatThrownBy(() -> stage.run(session.kernels())).isInstanceOf(DeviceException.class);
        device.verifyNothingUnderWay();
        device.heal();
      }
      stage.draw(1);
      stage.run(session.kernels());
      stage.assertWrittenAsBy(new ScalarKernels());
    }
  }

  /** Once compiled, a step allocates nothing; the device does not count, and does nothing here. */
  @Test
  void aStepAllocatesNothing() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    ScalarKernels host = new ScalarKernels(); // vectors are another test's concern
    float[] scratch =
        new float[stages.stream().mapToInt(s -> host.scratchFloats(s.stage())).max().orElse(0)];
    float[] none = {};
    try (KernelSession session = open(host)) {
      Kernels kernels = session.kernels();
      stages.forEach(stage -> stage.run(kernels));
      device.idle(true);
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      long least = Long.MAX_VALUE;
      while (least > 0 && System.nanoTime() < deadline) {
        for (int i = 0; i < 100; i++) {
          step(kernels, none, scratch);
        }
        long nothing = -threads.getCurrentThreadAllocatedBytes();
        nothing += threads.getCurrentThreadAllocatedBytes();
        long before = threads.getCurrentThreadAllocatedBytes();
        step(kernels, none, scratch);
        long after = threads.getCurrentThreadAllocatedBytes();
        least = Math.min(least, after - before - nothing);
      }
      device.idle(false);
      assertThat(least).as("bytes on the heap for both passes of all stages").isZero();
    }
  }

  private void step(Kernels kernels, float[] none, float[] scratch) {
    for (int n = 0; n < stages.size(); n++) {
      WholeStage s = stages.get(n);
      kernels.packForward(s.forward(), 0, none);
      for (int i = 0; i < s.shards(); i++) {
        kernels.forward(s.forward(), i, s.from(i), s.to(i), 0, 1, none, scratch);
      }
      kernels.packBackward(s.backward(), 0, none);
      for (int i = 0; i < s.shards(); i++) {
        kernels.backward(s.backward(), i, s.from(i), s.to(i), 0, 1, none, scratch);
      }
    }
  }
}
