package dev.nibble.spark;

import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.kernels.provider.KernelUnavailableException;

/** What executors compute with: the CPU, whose cores Spark shares out to tasks. */
final class ExecutorKernels {
  private static final String VECTOR_API = "jdk.incubator.vector";
  private static final String VECTOR = "vector";
  private static final String SCALAR = "scalar";

  private ExecutorKernels() {}

  /** The best for a CPU, unless the property {@value KernelProvider#PROPERTY} names another. */
  static Kernels choose() {
    if (System.getProperty(KernelProvider.PROPERTY) != null) {
      return KernelProvider.choose(null);
    }
    if (hasVectorApi()) {
      try {
        return KernelProvider.choose(VECTOR);
      } catch (KernelUnavailableException e) {
        // This processor's vectors are too narrow.
      }
    }
    return KernelProvider.choose(SCALAR);
  }

  private static boolean hasVectorApi() {
    return ModuleLayer.boot().findModule(VECTOR_API).isPresent();
  }

  /** What a user ought to know of this executor; empty for nothing. */
  static String notice(Kernels kernels) {
    if (hasVectorApi() || !kernels.name().equals(SCALAR)) {
      return "";
    }
    return "The executors run without the Vector API, which makes a fit many times slower: set"
        + " spark.executor.extraJavaOptions to --add-modules "
        + VECTOR_API
        + ".";
  }
}
