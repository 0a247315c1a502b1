package dev.nibble.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A disk that can be full: a small file system in memory where the system lets us mount one, else a
 * limit on the size of every file that the service writes.
 */
final class SoakDisk implements AutoCloseable {
  private static final int MEBIBYTES = 96;
  private static final int BLOCK = 1024;

  private final Path folder;
  private final boolean mounted;

  private SoakDisk(Path folder, boolean mounted) {
    this.folder = folder;
    this.mounted = mounted;
  }

  static SoakDisk open(Path folder) throws IOException, InterruptedException {
    Files.createDirectories(folder);
    List<String> mount = List.of("mount", "-t", "tmpfs", "-o", "size=" + MEBIBYTES + "m");
    return new SoakDisk(folder, run(mount, "nibble-soak", folder.toString()));
  }

  private static boolean run(List<String> words, String... more) throws InterruptedException {
    List<String> command = new ArrayList<>(words);
    command.addAll(List.of(more));
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return process.waitFor(10, TimeUnit.SECONDS) && process.exitValue() == 0;
    } catch (IOException e) {
      return false; // no such program
    }
  }

  String kind() {
    return mounted
        ? "a tmpfs of " + MEBIBYTES + " MiB, filled by another file"
        : "a limit on the size of files (ulimit -f)";
  }

  Path home() {
    return folder.resolve("home");
  }

  /** What is to stand before the launcher's words for a life in which the disk becomes full. */
  List<String> limits() throws IOException {
    if (mounted || !Files.exists(home())) {
      return List.of();
    }
    long largest = 0;
    try (Stream<Path> files = Files.walk(home())) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        largest = Math.max(largest, Files.size(file));
      }
    }
    long blocks = largest / BLOCK + 32;
    return List.of("bash", "-c", "ulimit -f " + blocks + "; exec \"$@\"", "bash");
  }

  /** Leaves so many bytes free. Does nothing where only the size of files is limited. */
  void fill(int free) throws IOException {
    if (!mounted) {
      return;
    }
    try (FileChannel filler =
        FileChannel.open(
            filler(),
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      long room = Files.getFileStore(folder).getUsableSpace() - free;
      ByteBuffer zeros = ByteBuffer.allocate(1 << 16);
      for (long left = room; left > 0; left -= zeros.capacity()) {
        zeros.clear().limit((int) Math.min(zeros.capacity(), left));
        while (zeros.hasRemaining()) {
          filler.write(zeros);
        }
      }
    } catch (IOException e) {
      // The service took the rest meanwhile: full is what it should be.
      if (!Files.exists(filler())) {
        throw e;
      }
    }
  }

  void free() throws IOException {
    Files.deleteIfExists(filler());
  }

  private Path filler() {
    return folder.resolve("filler");
  }

  @Override
  public void close() {
    if (mounted) {
      try {
        if (!run(List.of("umount", folder.toString()))) {
          System.err.println("nibble: Cannot unmount " + folder + ": do it by hand.");
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
