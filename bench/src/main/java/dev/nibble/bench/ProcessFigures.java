package dev.nibble.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** What a process holds over time: resident memory and file descriptors, as Linux counts them. */
final class ProcessFigures {
  private final Path process;
  private final List<Long> kibibytes = new ArrayList<>();
  private final List<Long> descriptors = new ArrayList<>();

  ProcessFigures(long pid) {
    process = Path.of("/proc", Long.toString(pid));
  }

  void sample() throws IOException {
    for (String line : Files.readAllLines(process.resolve("status"))) {
      if (line.startsWith("VmRSS:")) {
        kibibytes.add(Long.parseLong(line.replaceAll("[^0-9]", "")));
      }
    }
    try (Stream<Path> open = Files.list(process.resolve("fd"))) {
      descriptors.add(open.count());
    }
  }

  /** How long it was sampled, once a second. */
  int seconds() {
    return kibibytes.size();
  }

  /** Medians of the second and of the last third: the first is spent on warming up. */
  record Trend(long second, long last) {}

  Trend memory() {
    return trend(kibibytes);
  }

  Trend openFiles() {
    return trend(descriptors);
  }

  static Trend trend(List<Long> samples) {
    int third = samples.size() / 3;
    if (third == 0) {
      return new Trend(0, 0);
    }
    return new Trend(
        median(samples.subList(third, 2 * third)),
        median(samples.subList(samples.size() - third, samples.size())));
  }

  private static long median(List<Long> samples) {
    return samples.stream().sorted().skip(samples.size() / 2).findFirst().orElse(0L);
  }
}
