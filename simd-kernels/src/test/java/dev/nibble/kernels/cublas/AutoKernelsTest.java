package dev.nibble.kernels.cublas;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.Activation;
import dev.nibble.kernels.BackwardArgs;
import dev.nibble.kernels.ConvolutionEnds;
import dev.nibble.kernels.DeviceException;
import dev.nibble.kernels.FeatureMap;
import dev.nibble.kernels.ForwardArgs;
import dev.nibble.kernels.HostKernels;
import dev.nibble.kernels.Operator;
import dev.nibble.kernels.Operator.Convolution;
import dev.nibble.kernels.Operator.Resample;
import dev.nibble.kernels.Stage;
import dev.nibble.kernels.Workload;
import dev.nibble.kernels.scalar.ScalarKernels;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Who computes is decided by who is faster, once, and by the CPU where the device fails. */
class AutoKernelsTest {
  private static final FeatureMap MAP = new FeatureMap(6, 6, 8);
  private static final Workload SMALL = workload(new Convolution(MAP, 8, 3, 1, false));

  /** The plain table, or one that does everything many times over. */
  private static class Host extends HostDelegate implements HostKernels {
    private final int times;

    Host(int times) {
      super(new ScalarKernels());
      this.times = times;
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
    public ConvolutionEnds ends() {
      return host().ends();
    }

    @Override
    public void forward(
        ForwardArgs args, int shard, int from, int to, float[] packed, float[] scratch) {
      for (int i = 0; i < times; i++) {
        host().forward(args, shard, from, to, packed, scratch);
      }
    }

    @Override
    public void backward(
        BackwardArgs args, int shard, int from, int to, float[] packed, float[] scratch) {
      for (int i = 0; i < times; i++) {
        host().backward(args, shard, from, to, packed, scratch);
      }
    }
  }

  /** Goes on for a while after it was interrupted, as any kernel does. */
  private static final class Lingering extends Host {
    private final CountDownLatch started = new CountDownLatch(1);
    private final CompletableFuture<Boolean> ended = new CompletableFuture<>();

    Lingering() {
      super(1);
    }

    @Override
    public void forward(
        ForwardArgs args, int shard, int from, int to, float[] packed, float[] scratch) {
      started.countDown();
      try {
        Thread.sleep(Long.MAX_VALUE);
      } catch (InterruptedException e) {
        // Computes: no second interrupt would end that.
        for (long start = System.nanoTime(); System.nanoTime() - start < 200_000_000; ) {
          Thread.onSpinWait();
        }
      }
      ended.complete(args.x().scope().isAlive() && args.y().scope().isAlive());
    }
  }

  private static Workload workload(Operator operator) {
    return new Workload(List.of(new Stage(operator, Activation.IDENTITY, null, false)), 8, 2, 1);
  }

  private static AutoKernels auto(CudaStandIn device, HostKernels host)
      throws CudaUnavailableException {
    Cuda cuda = Cuda.of(device.driver(), device.blas());
    return auto(cuda, host, failure -> {});
  }

  private static AutoKernels auto(Cuda cuda, HostKernels host, Consumer<DeviceException> failed) {
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

  @Test
  void anInterruptWaitsForThePassUnderWayAndDecidesNothing() throws Exception {
    try (CudaStandIn device = new CudaStandIn()) {
      Lingering host = new Lingering();
      AutoKernels auto = auto(device, host);
      List<Boolean> interrupted = new ArrayList<>();
      Thread thread =
          new Thread(
              () -> {
                assertThat(auto.select(SMALL).name()).isEqualTo("host");
                interrupted.add(Thread.currentThread().isInterrupted());
              });
      thread.start();
      host.started.await();
      thread.interrupt();
      thread.join();
      assertThat(host.ended.get()).as("memory alive when the pass ends").isTrue();
      assertThat(interrupted).containsExactly(true);
      device.assertNothingLeft();
      int calls = device.calls();
      Thread.currentThread().interrupt();
      assertThat(auto.select(SMALL).name()).isEqualTo("host");
      assertThat(Thread.interrupted()).isTrue();
      assertThat(device.calls()).as("it is measured anew").isGreaterThan(calls);
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
