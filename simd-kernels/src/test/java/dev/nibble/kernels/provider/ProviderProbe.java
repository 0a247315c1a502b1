package dev.nibble.kernels.provider;

/** A program that says which kernels it got: the main class of the child JVMs of a test. */
public final class ProviderProbe {
  private ProviderProbe() {}

  /**
   * Prints the name of the chosen kernels, or why there are none.
   *
   * @param arguments the requests; or {@code describe} for the description of the default
   */
  public static void main(String[] arguments) {
    for (String argument : arguments) {
      answer(argument);
    }
  }

  private static void answer(String argument) {
    try {
      if (argument.equals("describe")) {
        System.out.println(KernelProvider.choose(null).description());
        return;
      }
      String request = argument.equals("default") ? null : argument;
      System.out.println(KernelProvider.choose(request).name());
    } catch (KernelUnavailableException e) {
      System.out.println(e.getMessage());
    }
  }
}
