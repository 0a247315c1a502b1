package dev.nibble.bench;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** What a figure must name beside its command: commit, processor, system, JDK. */
final class Machine {
  private static final Path PROCESSORS = Path.of("/proc/cpuinfo");
  private static final String UNKNOWN = "unknown";

  private Machine() {}

  /** The processor; where its name is generic, with family and model, and its cores. */
  static String processor() {
    List<String> lines = readLines(PROCESSORS);
    return processor(lines) + ", " + Runtime.getRuntime().availableProcessors() + " cores";
  }

  /** The processor that a file like Linux's /proc/cpuinfo describes. */
  static String processor(List<String> lines) {
    String name = field(lines, "model name");
    if (name.isEmpty()) {
      return System.getProperty("os.arch", UNKNOWN);
    }
    boolean generic = name.chars().noneMatch(Character::isDigit);
    return generic
        ? "%s (family %s model %s)"
            .formatted(name, field(lines, "cpu family"), field(lines, "model"))
        : name;
  }

  private static String field(List<String> lines, String name) {
    for (String line : lines) {
      int colon = line.indexOf(':');
      if (colon > 0 && line.substring(0, colon).strip().equals(name)) {
        return line.substring(colon + 1).strip();
      }
    }
    return "";
  }

  private static List<String> readLines(Path file) {
    try {
      return Files.isReadable(file) ? Files.readAllLines(file) : List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Name and version of the operating system, without the build's own suffix. */
  static String system() {
    String version = System.getProperty("os.version").replaceFirst("^(\\d+\\.\\d+).*", "$1");
    return System.getProperty("os.name") + " " + version;
  }

  /** Vendor and version of the JDK. */
  static String jdk() {
    return System.getProperty("java.vendor") + " " + Runtime.version();
  }

  /** Bytes of memory of the machine, or of the container that holds this process. */
  static long memoryBytes() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }

  /** The commit of the checkout, with {@code -dirty} where sources differ from it. */
  static String commit(Path checkout) {
    ProcessBuilder git =
        new ProcessBuilder("git", "describe", "--always", "--dirty", "--exclude=*")
            .directory(checkout.toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    try {
      Process process = git.start();
      String said =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      boolean ended = process.waitFor(10, TimeUnit.SECONDS);
      return ended && process.exitValue() == 0 && !said.isEmpty() ? said : UNKNOWN;
    } catch (IOException e) {
      return UNKNOWN; // no git, or no such folder
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return UNKNOWN;
    }
  }
}
