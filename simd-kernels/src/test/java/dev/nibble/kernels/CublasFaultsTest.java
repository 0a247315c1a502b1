package dev.nibble.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.cublas.CudaOptions;
import dev.nibble.kernels.cublas.StandInDevice;
import dev.nibble.kernels.scalar.ScalarKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Every call to a device fails in turn; a driver disappears; memory runs out. */
class CublasFaultsTest {
  /** The driver's and cuBLAS's: invalid, memory, not initialised, no device, sticky ones, ... */
  private static final int[] STATUSES = {
    1, 2, 3, 7, 8, 11, 13, 14, 15, 16, 100, 201, 700, 719, 999
  };

  private static final StageCase CASE =
      StageCases.around(new Convolution(new FeatureMap(5, 6, 4), 8, 3, 1, true), 11);

  private final StandInDevice device = new StandInDevice();

  @AfterEach
  void free() {
    device.close();
  }

  private Kernels kernels(boolean fallback) {
    return device.kernels(CudaOptions.defaults().withFallback(fallback), new ScalarKernels());
  }

  /** A session forward and one backward: all calls that there are. */
  private static List<StageRun.Result> run(Kernels kernels) {
    StageRun.Result forward = StageRun.forward(kernels, CASE);
    return List.of(forward, StageRun.backward(kernels, CASE, forward));
  }

  private static void assertEqual(List<StageRun.Result> actual, List<StageRun.Result> expected) {
    for (int i = 0; i < expected.size(); i++) {
      StageRun.Result result = actual.get(i);
      expected
          .get(i)
          .floats()
          .forEach(
              (name, values) ->
                  assertThat(requireNonNull(result.floats().get(name))).as(name).isEqualTo(values));
    }
  }

  @Test
  void everyCallCanFailWithEveryStatus() {
    assertThat(CASE.trains()).isTrue();
    Kernels provider = kernels(false);
    int before = device.calls();
    List<StageRun.Result> expected = run(provider);
    int calls = device.calls() - before;
    assertThat(calls).isGreaterThan(100);
    for (int nth = 1; nth <= calls; nth++) {
      for (int status : STATUSES) {
        device.failNext(nth, status);
        String what = "call " + nth + " of " + calls + " returns " + status;
        assertThatThrownBy(() -> run(provider))
            .as(what)
            .isInstanceOfSatisfying(
                DeviceException.class,
                e -> {
                  assertThat(e.code()).as(what).isEqualTo(status);
                  assertThat(e.call()).as(what).matches("cu[A-Za-z0-9_]+");
                  assertThat(e).as(what).hasMessageContaining(e.call());
                  assertThat(e).as(what).hasMessageContaining(e.status() + " (" + status + ")");
                });
        device.heal();
        device.verify();
      }
    }
    assertEqual(run(provider), expected);
  }

  @Test
  void aDriverThatDisappearsLeavesNothingUnderWay() {
    Kernels provider = kernels(true);
    int before = device.calls();
    run(provider);
    int calls = device.calls() - before;
    for (int nth = 0; nth < calls; nth++) {
      try (StandInDevice mortal = new StandInDevice()) {
        Kernels kernels =
            mortal.kernels(CudaOptions.defaults().withFallback(true), new ScalarKernels());
        mortal.dieAfterNext(nth);
        assertThatThrownBy(() -> run(kernels)).isInstanceOf(DeviceException.class);
        // A driver that is gone gives nothing back.
        mortal.verifyNothingUnderWay();
      }
    }
  }

  /** What the driver calls sticky: the first failure is told, and the context is let go. */
  @Test
  void aSpoiltContextIsGivenUp() {
    Kernels provider = kernels(true);
    int before = device.calls();
    List<StageRun.Result> expected = run(provider);
    int calls = device.calls() - before;
    // The last two let go of the context, which succeeds.
    for (int nth = 0; nth < calls - 2; nth++) {
      device.spoilAfterNext(nth);
      String what = "spoilt after call " + nth + " of " + calls;
      assertThatThrownBy(() -> run(provider))
          .as(what)
          .isInstanceOfSatisfying(
              DeviceException.class, e -> assertThat(e.code()).as(what).isIn(700, 14));
      device.verify();
      device.heal();
    }
    assertEqual(run(provider), expected);
  }

  @Test
  void memoryThatRunsOutIsToldWithItsSizes() {
    device.memory(1 << 20);
    assertThatThrownBy(() -> run(kernels(false)))
        .isInstanceOfSatisfying(
            DeviceException.class, e -> assertThat(e.outOfMemory()).as("memory").isTrue())
        .hasMessageContaining("CUDA_ERROR_OUT_OF_MEMORY (2)")
        .hasMessageContaining("asked for")
        .hasMessageContaining("free of 1 MiB");
    device.verify();
  }

  @Test
  void memoryThatRunsOutLeavesALayerToTheProcessorWhereThatIsAllowed() {
    device.memory(1 << 20);
    assertEqual(run(kernels(true)), run(new ScalarKernels()));
    device.verify();
  }

  /** CUDA loads code when it is first used: no room for it must not show in the first step. */
  @Test
  void codeThatDoesNotFitShowsWhenTheSessionOpens() {
    device.failNextOf("cublasSgemm_v2", 3);
    assertThatThrownBy(() -> open(kernels(false)).close())
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("CUBLAS_STATUS_ALLOC_FAILED");
    device.verify();
    device.failNextOf("cublasSgemm_v2", 3);
    try (KernelSession session = open(kernels(true))) {
      assertThat(session.kernels().name()).isEqualTo("scalar");
    }
    device.verify();
  }

  private static KernelSession open(Kernels provider) {
    Stage stage =
        new Stage(
            new Convolution(new FeatureMap(4, 4, 8), 8, 3, 1, false),
            new Activation(false, false, StoreFormat.KEPT, false),
            null,
            false);
    Workload workload = new Workload(List.of(stage), 4, 2, 1);
    MemorySegment staging = Arena.ofAuto().allocate(provider.stagingBytes(workload), 64);
    return provider.open(workload, MemorySegment.NULL, staging);
  }

  @Test
  void onlyTheLargestLayersAreLeftToTheProcessor() {
    Convolution small = new Convolution(new FeatureMap(4, 4, 8), 8, 3, 1, false);
    Convolution large = new Convolution(new FeatureMap(64, 64, 64), 64, 3, 1, false);
    Activation kept = new Activation(false, false, StoreFormat.KEPT, false);
    Workload workload =
        new Workload(
            List.of(new Stage(small, kept, null, false), new Stage(large, kept, null, false)),
            4,
            2,
            1);
    device.memory(34 << 20); // of which the workspace of cuBLAS takes 32
    Kernels provider = kernels(true);
    try (Arena arena = Arena.ofShared();
        KernelSession session =
            provider.open(
                workload,
                MemorySegment.NULL,
                arena.allocate(provider.stagingBytes(workload), 64))) {
      assertThat(session.kernels().description()).contains("1 convolutions on the CPU");
    }
    device.verify();
  }

  @Test
  void aSessionClosesTwice() {
    try (Arena arena = Arena.ofShared()) {
      Kernels provider = kernels(false);
      Workload workload = new Workload(List.of(CASE.stage()), CASE.batch(), CASE.groups(), 1);
      MemorySegment staging = arena.allocate(provider.stagingBytes(workload), 64);
      KernelSession session = provider.open(workload, MemorySegment.NULL, staging);
      session.close();
      session.close();
      device.verify();
      assertThatThrownBy(() -> StageRun.forward(session.kernels(), CASE))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("closed");
    }
  }

  @Test
  void aSessionThatIsClosedUnderAPassLetsItEnd() throws Exception {
    Convolution op = new Convolution(new FeatureMap(6, 5, 7), 9, 3, 1, false);
    Stage stage = new Stage(op, Activation.IDENTITY, null, false);
    Kernels provider = kernels(false);
    Workload workload = new Workload(List.of(stage), 4, 1, 1);
    try (Arena arena = Arena.ofShared();
        ExecutorService pool = Executors.newFixedThreadPool(1)) {
      MemorySegment x = filled(arena, 4 * stage.input().bytes());
      MemorySegment y = filled(arena, 4 * stage.output().bytes());
      MemorySegment w = filled(arena, 4L * op.weights());
      ForwardArgs args = new ForwardArgs(stage, 4, x, null, null, w, null, null, null, y, null);
      MemorySegment staging = arena.allocate(provider.stagingBytes(workload), 64);
      KernelSession session = provider.open(workload, MemorySegment.NULL, staging);
      CountDownLatch running = new CountDownLatch(1);
      Future<?> passes =
          pool.submit(
              () -> {
                Kernels kernels = session.kernels();
                float[] scratch = new float[kernels.scratchFloats(stage)];
                while (true) {
                  kernels.packForward(args, 0, new float[0]);
                  kernels.forward(args, 0, 0, 4, 0, 1, new float[0], scratch);
                  running.countDown();
                }
              });
      assertThat(running.await(1, TimeUnit.MINUTES)).as("a first pass ended").isTrue();
      session.close();
      device.verify();
      assertThatThrownBy(passes::get)
          .hasCauseInstanceOf(IllegalStateException.class)
          .hasMessageContaining("The session is closed");
    }
  }

  @Test
  void anUnopenedTableSaysSo() {
    float[] none = {};
    try (Guarded memory = new Guarded(0, false)) {
      Convolution op = new Convolution(new FeatureMap(1, 1, 1), 1, 1, 1, false);
      Stage stage = new Stage(op, Activation.IDENTITY, null, false);
      MemorySegment one = memory.allocate(4);
      ForwardArgs args =
          new ForwardArgs(stage, 1, one, null, null, one, null, null, null, one, null);
      assertThatThrownBy(() -> kernels(false).forward(args, 0, 0, 1, 0, 1, none, none))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("open one first");
    }
  }

  /** Shards on two threads at once give the bits of one after the other. */
  @Test
  void threadsDoNotMeet() throws Exception {
    Convolution op = new Convolution(new FeatureMap(6, 5, 7), 9, 3, 2, true);
    Activation kept = new Activation(false, false, StoreFormat.KEPT, false);
    Stage stage = new Stage(op, kept, null, false);
    int batch = 12;
    int shards = 4;
    Workload workload = new Workload(List.of(stage), batch, shards, 2);
    Kernels provider = kernels(false);
    try (Arena arena = Arena.ofShared(); // a confined one would not let the threads in
        ExecutorService pool = Executors.newFixedThreadPool(2)) {
      ForwardArgs args =
          new ForwardArgs(
              stage,
              batch,
              filled(arena, batch * stage.input().bytes()),
              null,
              null,
              filled(arena, 4L * op.weights()),
              filled(arena, 4L * op.outChannels()),
              null,
              null,
              arena.allocate(batch * stage.output().bytes(), 64),
              null);
      float[] alone = null;
      for (int round = 0; round < 4; round++) {
        MemorySegment staging = arena.allocate(provider.stagingBytes(workload), 64);
        try (KernelSession session = provider.open(workload, MemorySegment.NULL, staging)) {
          Kernels kernels = session.kernels();
          args.y().fill((byte) -1);
          kernels.packForward(args, 0, new float[0]);
          List<Callable<Boolean>> tasks = new ArrayList<>();
          for (int i = 0; i < shards; i++) {
            int shard = i;
            tasks.add(
                () -> {
                  float[] scratch = new float[kernels.scratchFloats(stage)];
                  kernels.forward(
                      args, shard, 3 * shard, 3 * shard + 3, 0, 1, new float[0], scratch);
                  return true;
                });
          }
          if (round == 0) {
            for (Callable<Boolean> task : tasks) {
              task.call();
            }
          } else {
            for (Future<Boolean> future : pool.invokeAll(tasks)) {
              future.get();
            }
          }
        }
        float[] values = Guarded.floats(args.y(), batch * stage.output().values());
        alone = alone == null ? values : alone;
        assertThat(values).isEqualTo(alone);
      }
    }
    device.verify();
  }

  private static MemorySegment filled(Arena arena, long bytes) {
    MemorySegment segment = arena.allocate(bytes, 64);
    for (int i = 0; i < bytes / 4; i++) {
      segment.setAtIndex(JAVA_FLOAT, i, (i * 37 % 101 - 50) / 50f);
    }
    return segment;
  }
}
