package dev.nibble.engine.exec;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.provider.GpuStatus;
import dev.nibble.kernels.provider.KernelProvider;

/** The provider of this run of the tests, which the build names by a system property. */
public final class TestKernels {
  private TestKernels() {}

  /** The chosen provider. */
  public static Kernels chosen() {
    String wanted = System.getProperty("nibble.kernels.expected");
    if ("cublas".equals(wanted)) {
      GpuStatus gpu = KernelProvider.gpu(KernelProvider.cudaOptions());
      assumeTrue(gpu.available(), "no GPU: " + gpu.text());
    }
    Kernels kernels = KernelProvider.choose(null);
    String expected = System.getProperty("nibble.kernels.expected");
    if (expected != null && !expected.equals(kernels.name())) {
      throw new AssertionError("This run is for " + expected + ", but got " + kernels.name());
    }
    return kernels;
  }

  /** The chosen provider's kernels that make every product directly, by the definition. */
  public static Kernels direct() {
    String before = System.getProperty(KernelProvider.WINOGRAD_PROPERTY);
    System.setProperty(KernelProvider.WINOGRAD_PROPERTY, "off");
    try {
      return chosen();
    } finally {
      if (before == null) {
        System.clearProperty(KernelProvider.WINOGRAD_PROPERTY);
      } else {
        System.setProperty(KernelProvider.WINOGRAD_PROPERTY, before);
      }
    }
  }
}
