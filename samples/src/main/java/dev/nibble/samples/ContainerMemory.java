package dev.nibble.samples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The limit of memory that Linux's control groups, of version 1 or 2, set for this process: the
 * least of its own group's and of those above it.
 *
 * <p>Source: cgroups(7), the kernel's {@code cgroup-v1/memory.rst} and {@code cgroup-v2.rst}.
 */
final class ContainerMemory {
  private static final String V1 = "memory.limit_in_bytes";
  private static final String V2 = "memory.max";

  private ContainerMemory() {}

  /**
   * Looks at the groups.
   *
   * @param root where the file system begins; another folder in tests
   * @param machine bytes that the machine has: a limit that is not below limits nothing
   * @return null if there is no limit, or none that can be read
   */
  static @Nullable Long limit(Path root, long machine) {
    List<String> groups = lines(root.resolve("proc/self/cgroup"));
    long least = Long.MAX_VALUE;
    for (String line : lines(root.resolve("proc/self/mountinfo"))) {
      String[] words = line.split(" ", -1);
      int dash = Arrays.asList(words).indexOf("-");
      if (words.length < 6 || dash < 0 || dash + 3 >= words.length) {
        continue;
      }
      String type = words[dash + 1];
      String file = null;
      String group = null;
      if (type.equals("cgroup2")) {
        file = V2;
        group = group(groups, "");
      } else if (type.equals("cgroup")
          && Arrays.asList(words[dash + 3].split(",", -1)).contains("memory")) {
        file = V1;
        group = group(groups, "memory");
      }
      if (file != null && group != null) {
        least = Math.min(least, least(root, words[4], inside(words[3], group), file));
      }
    }
    return least < machine ? least : null;
  }

  /** The path of the group of a controller: {@code hierarchy:controllers:path}. */
  private static @Nullable String group(List<String> groups, String controller) {
    for (String line : groups) {
      String[] parts = line.split(":", 3);
      if (parts.length == 3 && Arrays.asList(parts[1].split(",", -1)).contains(controller)) {
        return parts[2];
      }
    }
    return null;
  }

  /** A group's path below what is mounted; a container often sees its own group as the top. */
  private static String inside(String mounted, String group) {
    if (mounted.equals("/")) {
      return group;
    }
    return group.equals(mounted) || group.startsWith(mounted + "/")
        ? group.substring(mounted.length())
        : "";
  }

  private static long least(Path root, String mount, String group, String file) {
    try {
      Path top = root.resolve(mount.substring(1)).normalize();
      Path folder = top.resolve(group.replaceAll("^/+", "")).normalize();
      if (!folder.startsWith(top) || !Files.isDirectory(folder)) {
        folder = top;
      }
      long least = Long.MAX_VALUE;
      for (Path at = folder; at != null && at.startsWith(top); at = at.getParent()) {
        least = Math.min(least, bytes(at.resolve(file)));
      }
      return least;
    } catch (InvalidPathException e) {
      return Long.MAX_VALUE;
    }
  }

  private static long bytes(Path file) {
    List<String> lines = lines(file);
    try {
      return lines.isEmpty() ? Long.MAX_VALUE : Long.parseLong(lines.getFirst().strip());
    } catch (NumberFormatException e) {
      return Long.MAX_VALUE; // "max"
    }
  }

  private static List<String> lines(Path file) {
    try {
      return Files.isReadable(file) ? Files.readAllLines(file) : List.of();
    } catch (IOException e) {
      return List.of();
    }
  }
}
