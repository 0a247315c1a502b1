package dev.nibble.samples;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What the operating system says about the machine and this process; where it does not, nothing.
 */
final class Machine {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path PROCESSORS = Path.of("/proc/cpuinfo");
  private static final Path HUGE_PAGES = Path.of("/sys/kernel/mm/transparent_hugepage/enabled");

  private static final String UNKNOWN = "unknown";

  private Machine() {}

  /** The most bytes of memory that this process ever held in RAM, or -1 where not known. */
  static long peakResidentBytes() {
    String line = find(STATUS, "VmHWM:");
    if (line == null) {
      return -1;
    }
    String[] words = line.strip().split("\\s+", -1);
    try {
      return Long.parseLong(words[1]) * 1024;
    } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
      return -1;
    }
  }

  /** The processor's name, or its architecture. */
  static String processor() {
    String line = find(PROCESSORS, "model name");
    String architecture = System.getProperty("os.arch", "unknown");
    int colon = line == null ? -1 : line.indexOf(':');
    return line == null || colon < 0
        ? architecture
        : line.substring(colon + 1).strip() + " (" + architecture + ")";
  }

  /** How huge pages are given out: always, madvise or never; or null where not known. */
  static @Nullable String hugePages() {
    String line = find(HUGE_PAGES, "");
    if (line == null || line.indexOf('[') < 0 || line.indexOf(']') < 0) {
      return null;
    }
    return line.substring(line.indexOf('[') + 1, line.indexOf(']'));
  }

  /** Bytes of memory of the machine, or of the container that holds this process. */
  static long memoryBytes() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }

  private static @Nullable String find(Path file, String start) {
    if (!Files.isReadable(file)) {
      return null;
    }
    try {
      List<String> lines = Files.readAllLines(file);
      return lines.stream().filter(l -> l.startsWith(start)).findFirst().orElse(null);
    } catch (IOException e) {
      return null;
    }
  }

  /** The commit of a checkout, with {@code -dirty} where sources differ from it, or unknown. */
  static String commit(String checkout) {
    if (checkout.isEmpty()) {
      return UNKNOWN;
    }
    ProcessBuilder git =
        new ProcessBuilder("git", "describe", "--always", "--dirty", "--exclude=*")
            .directory(Path.of(checkout).toFile())
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
