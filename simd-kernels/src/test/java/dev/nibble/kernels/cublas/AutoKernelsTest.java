package dev.nibble.kernels.cublas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.DeviceException;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.HostKernels;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.ProductOffload;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.StoreFormat;
import dev.nibble.kernels.Workload;
import dev.nibble.kernels.scalar.ScalarKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Who computes is decided by who is faster, once, and by the CPU where the device fails. */
class AutoKernelsTest {
  private static final FeatureMap MAP = new FeatureMap(6, 6, 8);
  private static final Workload SMALL = workload(new Convolution(MAP, 8, 3, 1, false));

  /** The plain table, or one that does everything many times over, or something besides. */
  private static final class Host extends HostDelegate implements HostKernels {
    private final int times;
    private final Consumer<ForwardArgs> besides;
    private final AtomicInteger backwards = new AtomicInteger();

    Host(int times) {
      this(times, args -> {});
    }

    Host(int times, Consumer<ForwardArgs> besides) {
      super(new ScalarKernels());
      this.times = times;
      this.besides = besides;
    }

    @Override
    public String name() {
      return "host";
    }

    @Override
    public String description() {
      return "host, " + times + " times";
    }

    @Override
    public ProductOffload offload() {
      return host().offload();
    }

    @Override
    public void forward(
        ForwardArgs args,
        int region,
        int from,
        int to,
        int part,
        int parts,
        float[] packed,
        float[] scratch) {
      besides.accept(args);
      for (int i = 0; i < times; i++) {
        host().forward(args, region, from, to, part, parts, packed, scratch);
      }
    }

    @Override
    public void backward(
        BackwardArgs args,
        int region,
        int from,
        int to,
        int part,
        int parts,
        float[] packed,
        float[] scratch) {
      backwards.incrementAndGet();
      for (int i = 0; i < times; i++) {
        host().backward(args, region, from, to, part, parts, packed, scratch);
      }
    }
  }

  /** Ends a trial of which enough was seen. */
  private static DeviceException enough() {
    return new DeviceException("enough", 1, "a test", "", false);
  }

  private static Workload workload(Operator operator) {
    return new Workload(List.of(stage(operator)), 8, 2, 1);
  }

  /** As in training, whose backward pass needs the input. */
  private static Stage stage(Operator operator) {
    Activation kept = new Activation(false, false, StoreFormat.KEPT, false);
    return new Stage(operator, kept, null, false);
  }

  private static AutoKernels auto(CudaStandIn device, HostKernels host)
      throws CudaUnavailableException {
    Cuda cuda = Cuda.of(device.driver(), device.blas());
    return auto(cuda, host, failure -> {});
  }

  private static AutoKernels auto(Cuda cuda, HostKernels host, Consumer<DeviceException> failed)
      throws CudaUnavailableException {
    return new AutoKernels(new CublasKernels(cuda, CudaOptions.defaults(), host), failed);
  }

  @Test
  void theFasterOneIsTakenAndMeasuredOnce() throws CudaUnavailableException {
    try (CudaStandIn device = new CudaStandIn()) {
      AutoKernels slowHost = auto(device, new Host(300));
      assertThat(slowHost.select(SMALL).name()).isEqualTo("cublas");
      int calls = device.calls();
      assertThat(slowHost.select(SMALL).name()).isEqualTo("cublas");
      assertThat(device.calls()).as("calls of the second question").isEqualTo(calls);
      assertThat(auto(device, new Host(1)).select(SMALL).name()).isEqualTo("host");
      device.assertNothingLeft();
    }
  }

  @Test
  void aMeasurementTakesNoMoreMemoryThanThereIs() throws CudaUnavailableException {
    try (CudaStandIn device = new CudaStandIn()) {
      AtomicLong most = new AtomicLong();
      Host host = new Host(300, args -> most.accumulateAndGet(args.batch(), Math::max));
      AutoKernels auto = auto(device, host);
      int calls = device.calls();
      assertThat(auto.select(SMALL, 1000).name()).isEqualTo("host");
      assertThat(device.calls()).as("calls without a measurement").isEqualTo(calls);
      assertThat(most).hasValue(0);
      assertThat(auto.select(SMALL).name()).as("asked again").isEqualTo("cublas");
      device.assertNothingLeft();
    }
  }

  /** Copies and products scale alike with neither: another shape of work is another question. */
  @Test
  void theLargestConvolutionIsMeasuredForTheWorkAtHand() throws CudaUnavailableException {
    Convolution large = new Convolution(MAP, 9, 3, 1, false);
    List<Stage> stages = new ArrayList<>();
    for (Operator op :
        List.of(new Convolution(MAP, 8, 3, 1, false), large, Resample.identity(MAP))) {
      stages.add(stage(op));
    }
    Set<Operator> measured = ConcurrentHashMap.newKeySet();
    Set<Integer> pictures = ConcurrentHashMap.newKeySet();
    Host host =
        new Host(
            1,
            args -> {
              measured.add(args.stage().operator());
              pictures.add(args.batch());
              throw enough();
            });
    try (CudaStandIn device = new CudaStandIn()) {
      AutoKernels auto = auto(device, host);
      auto.select(new Workload(stages, 8, 2, 1));
      auto.select(new Workload(stages, 8, 2, 2));
      auto.select(new Workload(stages, 6, 2, 1));
      assertThat(measured).containsExactly(large);
      assertThat(pictures).containsExactlyInAnyOrder(4, 8, 3);
    }
  }

  @Test
  void whatOnlyPredictsIsTheProcessors() throws CudaUnavailableException {
    Convolution op = new Convolution(MAP, 8, 3, 1, false);
    Workload predicts =
        new Workload(List.of(new Stage(op, Activation.IDENTITY, null, false)), 8, 2, 1);
    Host host = new Host(300);
    try (CudaStandIn device = new CudaStandIn()) {
      AutoKernels auto = auto(device, host);
      int calls = device.calls();
      assertThat(auto.select(predicts).name()).isEqualTo("host");
      assertThat(device.calls()).as("calls for no measurement").isEqualTo(calls);
      assertThat(auto.select(SMALL).name()).isEqualTo("cublas");
      assertThat(host.backwards).hasPositiveValue();
    }
  }

  /** A service that trains again must not meet the same failure again. */
  @Test
  void aDeviceThatFailedLaterIsNotTakenAgain() throws CudaUnavailableException {
    try (CudaStandIn device = new CudaStandIn()) {
      AutoKernels auto = auto(device, new Host(300));
      Kernels chosen = auto.select(SMALL);
      assertThat(chosen.name()).isEqualTo("cublas");
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment staging = arena.allocate(chosen.stagingBytes(SMALL), 64);
        device.failFunction("cuMemAlloc_v2", 1, DriverErrors.OUT_OF_MEMORY);
        assertThatThrownBy(() -> chosen.open(SMALL, MemorySegment.NULL, staging))
            .isInstanceOf(DeviceException.class);
        assertThat(auto.select(SMALL).name()).as("want of memory passes").isEqualTo("cublas");
        device.failFunction("cuStreamCreate", 1, 719);
        assertThatThrownBy(() -> chosen.open(SMALL, MemorySegment.NULL, staging))
            .isInstanceOf(DeviceException.class);
        assertThat(auto.select(SMALL).name()).isEqualTo("host");
      }
      device.assertNothingLeft();
    }
  }

  /** Its memory is nobody's: neither planned nor counted. */
  @Test
  void theTrialMeasuresWithLittleMemory() throws CudaUnavailableException {
    AtomicLong seen = new AtomicLong();
    Host host =
        new Host(
            1,
            args -> {
              Stage stage = args.stage();
              seen.set(args.batch() * (2 * stage.input().bytes() + stage.output().bytes()));
              throw enough();
            });
    try (CudaStandIn device = new CudaStandIn()) {
      Convolution op = new Convolution(new FeatureMap(512, 512, 4), 1, 1, 1, false);
      auto(device, host).select(new Workload(List.of(stage(op)), 64, 2, 2));
      assertThat(seen.get()).isBetween(1L << 20, 64L << 20);
    }
  }

  @Test
  void aDeviceThatFailsLeavesItToTheProcessor() throws CudaUnavailableException {
    try (CudaStandIn device = new CudaStandIn()) {
      List<DeviceException> failures = new ArrayList<>();
      Cuda cuda = Cuda.of(device.driver(), device.blas());
      AutoKernels auto = auto(cuda, new Host(300), failures::add);
      device.failFunction("cublasSgemm_v2", 5, 14);
      assertThat(auto.select(SMALL).name()).isEqualTo("host");
      assertThat(failures).extracting(DeviceException::code).containsExactly(14);
      device.assertNothingLeft();
    }
  }

  /** The CPU must not win for the device because it stood in for it. */
  @Test
  void aDeviceWithTooLittleMemoryDoesNotWin() throws CudaUnavailableException {
    try (CudaStandIn device = new CudaStandIn()) {
      Cuda cuda = Cuda.of(device.driver(), device.blas());
      CudaOptions options = CudaOptions.defaults().withFallback(true);
      device.deviceBytes(1 << 20);
      AtomicInteger passes = new AtomicInteger();
      Host host = new Host(1, args -> passes.incrementAndGet());
      AutoKernels auto = new AutoKernels(new CublasKernels(cuda, options, host), failure -> {});
      assertThat(auto.select(SMALL).name()).isEqualTo("host");
      assertThat(passes).as("passes of a race of the host with itself").hasValue(0);
      device.assertNothingLeft();
    }
  }

  @Test
  void anInterruptedMeasurementWaitsForItsShardsAndIsRepeated() throws Exception {
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch ended = new CountDownLatch(1);
    AtomicBoolean freed = new AtomicBoolean();
    Host host =
        new Host(
            300,
            args -> {
              if (running.getCount() > 0) {
                running.countDown();
                long end = System.nanoTime() + 300_000_000;
                while (System.nanoTime() < end) {
                  Thread.onSpinWait();
                }
                freed.set(!args.y().scope().isAlive());
                ended.countDown();
              }
            });
    try (CudaStandIn device = new CudaStandIn()) {
      AutoKernels auto = auto(device, host);
      AtomicReference<String> chosen = new AtomicReference<>();
      Thread asking = new Thread(() -> chosen.set(auto.select(SMALL).name()));
      asking.start();
      assertThat(running.await(1, TimeUnit.MINUTES)).as("the host's first shard runs").isTrue();
      asking.interrupt();
      asking.join();
      assertThat(ended.await(1, TimeUnit.MINUTES)).as("the host's first shard offload").isTrue();
      assertThat(freed).as("memory was freed under a pass").isFalse();
      assertThat(chosen).hasValue("host");
      assertThat(auto.select(SMALL).name()).isEqualTo("cublas");
      device.assertNothingLeft();
    }
  }

  @Test
  void withoutAConvolutionThereIsNothingToMeasure() throws CudaUnavailableException {
    try (CudaStandIn device = new CudaStandIn()) {
      AutoKernels auto = auto(device, new Host(1));
      int calls = device.calls();
      assertThat(auto.select(workload(Resample.identity(MAP))).name()).isEqualTo("host");
      assertThat(device.calls()).isEqualTo(calls);
    }
  }
}
