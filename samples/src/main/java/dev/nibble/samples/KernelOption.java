package dev.nibble.samples;

import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.provider.KernelProvider;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Who computes. */
final class KernelOption {
  @Option(
      names = "--kernels",
      paramLabel = "NAME",
      completionCandidates = KernelNames.class,
      description = {
        "Who computes: ${COMPLETION-CANDIDATES}. Default: auto, which before a",
        "training measures for a few seconds whether a GPU (cublas) is faster, where there is one."
      })
  @Nullable String name;

  /** The provider that is asked for, or that of the system property, or the best one. */
  Kernels choose() {
    return name == null ? KernelProvider.choose(null) : KernelProvider.choose(checked(name));
  }

  /** The name of a provider. */
  static String checked(String text) {
    return Names.choose("--kernels", text, KernelNames.all());
  }
}
