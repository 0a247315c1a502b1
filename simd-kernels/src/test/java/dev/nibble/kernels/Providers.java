package dev.nibble.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nibble.kernels.provider.KernelProvider;
import java.util.List;

/**
 * The providers that a test run is about: the one that the build names for this run, or all that
 * this JVM has.
 */
final class Providers {
  /** Property by which the build says which provider a run must get. */
  static final String EXPECTED = "nibble.kernels.expected";

  private Providers() {}

  static List<Kernels> underTest() {
    String expected = System.getProperty(EXPECTED);
    if (expected != null) {
      Kernels chosen = KernelProvider.choose(null);
      assertThat(chosen.name()).isEqualTo(expected);
      return List.of(chosen);
    }
    List<Kernels> all =
        KernelProvider.names().stream()
            .filter(name -> !name.equals("vector") || KernelProvider.whyNoVector() == null)
            .filter(name -> !name.equals("cublas"))
            .map(KernelProvider::choose)
            .toList();
    assertThat(all).isNotEmpty();
    return all;
  }
}
