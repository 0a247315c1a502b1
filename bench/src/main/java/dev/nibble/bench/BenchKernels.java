package dev.nibble.bench;

import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.provider.KernelProvider;

/**
 * The kernels that are measured: those of {@code -Dnibble.kernels}, else the CPU's best. A figure
 * must say what computed it, and what {@code auto} chooses where there is a GPU depends on the
 * network.
 */
final class BenchKernels {
  private BenchKernels() {}

  static Kernels choose() {
    String best = KernelProvider.whyNoVector() == null ? "vector" : "scalar";
    return KernelProvider.choose(System.getProperty(KernelProvider.PROPERTY, best));
  }
}
