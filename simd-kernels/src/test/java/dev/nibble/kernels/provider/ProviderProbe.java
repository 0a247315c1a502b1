package dev.nibble.kernels.provider;

/** A program that says which kernels it got: the main class of the child JVMs of a test. */
public final class ProviderProbe {
  private ProviderProbe() {}

  /**
   * Prints the name of the chosen kernels, or why there are none.
   *
   * @param arguments the request; or {@code describe} for the description of the default
   */
  public static void main(String[] arguments) {
    try {
      if (arguments[0].equals("describe")) {
        System.out.println(KernelProvider.choose(null).description());
        return;
      }
      String request = arguments[0].equals("default") ? null : arguments[0];
      System.out.println(KernelProvider.choose(request).name());
    } catch (KernelUnavailableException e) {
      System.out.println(e.getMessage());
    }
  }
}
