package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nibble.kernels.cublas.CudaOptions;
import dev.nibble.kernels.cublas.HeldContext;
import dev.nibble.kernels.cublas.StandInDevice;
import dev.nibble.kernels.provider.GpuStatus;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.kernels.scalar.ScalarKernels;
import dev.nibble.kernels.vector.VectorKernels;
import java.util.List;

/**
 * The providers that a test run is about: the one that the build names for this run, or all that
 * this JVM has.
 */
final class Providers {
  /** Property by which the build says which provider a run must get. */
  static final String EXPECTED = "nibble.kernels.expected";

  /** The cublas kernels over a device that is made of Java. */
  private static final String STAND_IN = "cublas-standin";

  private static final String GPU = "cublas";

  private Providers() {}

  static List<Kernels> underTest() {
    String expected = System.getProperty(EXPECTED);
    if (STAND_IN.equals(expected)) {
      return StandIn.KERNELS;
    }
    if (GPU.equals(expected)) {
      GpuStatus gpu = KernelProvider.gpu(KernelProvider.cudaOptions());
      assumeTrue(gpu.available(), "no GPU: " + gpu.text());
      assertThat(RealDevice.HELD).as("the device's context is kept").isTrue();
    }
    if (expected != null) {
      Kernels chosen = KernelProvider.choose(null);
      assertThat(chosen.name()).isEqualTo(expected);
      return List.of(chosen);
    }
    List<Kernels> all =
        KernelProvider.names().stream()
            .filter(name -> !name.equals("vector") || KernelProvider.whyNoVector() == null)
            .filter(name -> !name.equals(GPU))
            .map(KernelProvider::choose)
            .toList();
    assertThat(all).isNotEmpty();
    return all;
  }

  /** Fails if the stand-in of a GPU, where the run is about it, objects to what was done. */
  static void verify() {
    if (STAND_IN.equals(System.getProperty(EXPECTED))) {
      StandIn.DEVICE.verify();
    }
  }

  /** Touched only where there is one. */
  private static final class RealDevice {
    static final boolean HELD = HeldContext.hold();

    private RealDevice() {}
  }

  /** One device a JVM, as there is one in a machine. */
  private static final class StandIn {
    static final StandInDevice DEVICE = new StandInDevice();

    static final List<Kernels> KERNELS =
        List.of(
            DEVICE.kernels(CudaOptions.defaults(), new VectorKernels(true)),
            DEVICE.kernels(CudaOptions.defaults().withFallback(true), new ScalarKernels()));

    private StandIn() {}
  }
}
