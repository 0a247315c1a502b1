package dev.nibble.engine.exec;

import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.provider.KernelProvider;

/** The provider of this run of the tests, which the build names by a system property. */
public final class TestKernels {
  private TestKernels() {}

  /** The chosen provider. */
  public static Kernels chosen() {
    Kernels kernels = KernelProvider.choose(null);
    String expected = System.getProperty("nibble.kernels.expected");
    if (expected != null && !expected.equals(kernels.name())) {
      throw new AssertionError("This run is for " + expected + ", but got " + kernels.name());
    }
    return kernels;
  }
}
