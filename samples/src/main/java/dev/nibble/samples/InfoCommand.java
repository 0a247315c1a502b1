package dev.nibble.samples;

import dev.nibble.engine.data.sources.DataSources;
import dev.nibble.kernels.DeviceException;
import dev.nibble.kernels.provider.GpuStatus;
import dev.nibble.kernels.provider.KernelProvider;
import dev.nibble.kernels.provider.KernelUnavailableException;
import dev.nibble.memory.ByteSize;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code nibble info}: what this machine and JVM offer, and what Nibble makes of it. */
@Command(
    name = "info",
    mixinStandardHelpOptions = true,
    usageHelpAutoWidth = true,
    description =
        "Shows the JDK, processor, GPU, kernels, threads and memory that a run would use.",
    footer = {
      "",
      "Example:",
      "  nibble info",
      "",
      "A GPU needs NVIDIA's driver and cuBLAS 13 or 12. Where cuBLAS lies in a folder of its own,"
          + " name",
      "that, or the site-packages of a Python that has it:",
      "  NIBBLE_JAVA_OPTS=-Dnibble.cuda.libdir=/opt/cuda/lib nibble info",
      "  NIBBLE_JAVA_OPTS=-Dnibble.cuda.roots=/opt/venv/lib/python3.12/site-packages nibble info"
    })
final class InfoCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Mixin private KernelOption kernels = new KernelOption();

  @Override
  public Integer call() {
    String noVector = KernelProvider.whyNoVector();
    line("version", Release.version());
    line("JDK", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
    line("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    line("processor", Machine.processor());
    line("kernels", provider());
    line("vector kernels", noVector == null ? "available" : "not available: " + noVector);
    line("threads", Runtime.getRuntime().availableProcessors() + " (--threads)");
    line("memory", ByteSize.format(Machine.memoryBytes()));
    line("Java heap", "at most " + ByteSize.format(Runtime.getRuntime().maxMemory()));
    line("huge pages", hugePages());
    line("GPU", gpu());
    line("data sets", DataSources.dataHome() + " (" + DataSources.HOME_VARIABLE + ")");
    return 0;
  }

  private String provider() {
    try {
      return kernels.choose().description();
    } catch (KernelUnavailableException e) {
      return "not available: " + e.getMessage();
    }
  }

  /** Whatever is wrong with a GPU is told, for that is what the command is asked for. */
  private static String gpu() {
    try {
      GpuStatus status = KernelProvider.gpu(KernelProvider.cudaOptions());
      return status.available() ? status.text() : "not available: " + status.text();
    } catch (KernelUnavailableException | DeviceException e) {
      return "not available: " + e.getMessage();
    }
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
