package dev.nibble.samples;

import dev.nibble.engine.data.DataSources;
import dev.nibble.kernels.Kernels;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.memory.ByteSize;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code nibble info}: what this machine and JVM offer, and what Nibble makes of it. */
@Command(
    name = "info",
    mixinStandardHelpOptions = true,
    usageHelpAutoWidth = true,
    description = "Shows the JDK, processor, kernels, threads and memory that a run would use.")
final class InfoCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--kernels",
      paramLabel = "NAME",
      description = "auto, scalar or vector. Default: auto.")
  private @Nullable String kernels;

  @Override
  public Integer call() {
    Kernels provider = Inputs.kernelsOrDefault(kernels);
    String noVector = KernelProvider.whyNoVector();
    line("version", Nibble.VERSION.substring("nibble ".length()));
    line("JDK", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
    line("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    line("processor", Machine.processor());
    line("kernels", provider.description());
    line("vector kernels", noVector == null ? "available" : "not available: " + noVector);
    line("threads", Runtime.getRuntime().availableProcessors() + " (--threads)");
    line("memory", ByteSize.format(Machine.memoryBytes()));
    line("Java heap", "at most " + ByteSize.format(Runtime.getRuntime().maxMemory()));
    line("huge pages", hugePages());
    line("GPU", "not used: this version has no kernels for GPUs, it computes on the CPU");
    line("data sets", DataSources.dataHome() + " (" + DataSources.HOME_VARIABLE + ")");
    return 0;
  }

  private static String hugePages() {
    String mode = Machine.hugePages();
    if (mode == null) {
      return "unknown on this system";
    }
    return mode.equals("never")
        ? "switched off (never)"
        : "asked for where they help (" + mode + ")";
  }

  private void line(String name, String value) {
    PrintWriter out = spec.commandLine().getOut();
    out.printf("%-15s %s%n", name, value);
  }
}
