package dev.nibble.samples;

import dev.nibble.engine.network.Network;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** The folder of one training run; locked while a process writes to it. */
final class RunFolder implements AutoCloseable {
  static final String SETTINGS = "run.json";
  static final String METRICS = "metrics.jsonl";
  static final String MODEL = "model.safetensors";
  static final String CURVES = "curves.png";
  static final String PLAN = "plan.json";
  static final String CHECKPOINTS = "checkpoints";

  /** The network of a run whose model came from a file, which may be gone when it goes on. */
  static final String NETWORK = "network.json";

  /** Never replaced: whoever has locked a file that another process replaces has locked nothing. */
  private static final String LOCK = ".lock";

  private final Path folder;
  private @Nullable FileChannel channel;

  private RunFolder(Path folder) {
    this.folder = folder;
  }

  /**
   * The folder of a new run; nothing is created yet.
   *
   * @throws BadInputException if a folder was asked for that holds a run
   */
  static RunFolder fresh(@Nullable Path wanted, String name) {
    if (wanted != null) {
      for (String file : new String[] {SETTINGS, METRICS, MODEL, CHECKPOINTS}) {
        if (Files.exists(wanted.resolve(file))) {
          throw new BadInputException(
              "%s already holds a run (%s): go on with --resume %s, or choose another --out."
                  .formatted(wanted, file, wanted));
        }
      }
      if (Files.exists(wanted) && !Files.isDirectory(wanted)) {
        throw new BadInputException(wanted + " is a file: choose a folder as --out.");
      }
      return new RunFolder(wanted);
    }
    Path standard = Path.of("runs", name);
    for (int i = 2; Files.exists(standard); i++) {
      standard = Path.of("runs", name + "-" + i);
    }
    return new RunFolder(standard);
  }

  /**
   * The folder of a run that goes on.
   *
   * @throws BadInputException if it holds none
   */
  static RunFolder existing(Path folder) {
    if (!Files.isRegularFile(folder.resolve(SETTINGS))) {
      throw new BadInputException(
          "%s holds no run to resume: it has no %s. Give the --out folder of a run."
              .formatted(folder, SETTINGS));
    }
    return new RunFolder(folder);
  }

  /**
   * Creates the folder, keeps other processes out of it until closed, and writes the run's options.
   *
   * @throws BadInputException if another process is training there
   */
  void create(Settings settings) {
    try {
      Files.createDirectories(folder);
      lock();
      replace(file(SETTINGS), settings.json());
    } catch (FileAlreadyExistsException e) {
      throw new BadInputException(
          "Cannot make the folder %s: %s is a file.".formatted(folder, e.getMessage()), e);
    } catch (IOException e) {
      throw BadInputException.file("write to the folder", folder, e);
    }
  }

  /** Writes the network of the run. */
  void keep(Network network) {
    try {
      replace(file(NETWORK), network.toJson() + "\n");
    } catch (IOException e) {
      throw BadInputException.file("write", file(NETWORK), e);
    }
  }

  /**
   * Reads a network that {@link #keep} wrote.
   *
   * @throws BadInputException if the file cannot be read or is damaged
   */
  static Network network(Path file) {
    try {
      return Network.ofJson(Files.readString(file));
    } catch (IOException e) {
      throw BadInputException.file("resume: cannot read", file, e);
    } catch (IllegalArgumentException e) {
      throw new BadInputException(file + " is damaged: " + e.getMessage() + ".", e);
    }
  }

  private void lock() throws IOException {
    FileChannel opened =
        FileChannel.open(file(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    channel = opened;
    try {
      if (opened.tryLock() == null) {
        throw busy(null);
      }
    } catch (OverlappingFileLockException e) {
      throw busy(e);
    }
  }

  private BadInputException busy(@Nullable Throwable cause) {
    String sentence = "Another process is training in " + folder + ": wait for it or stop it.";
    return cause == null ? new BadInputException(sentence) : new BadInputException(sentence, cause);
  }

  /**
   * Makes a folder, and those around it, unless it is there.
   *
   * @throws BadInputException if it cannot be made
   */
  static Path make(Path folder) {
    try {
      return Files.createDirectories(folder);
    } catch (IOException e) {
      throw BadInputException.file("make the folder", folder, e);
    }
  }

  /** Writes a small text file whole or not at all. */
  static void replace(Path file, String text) throws IOException {
    Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
    Files.writeString(temporary, text);
    Files.move(
        temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** The folder itself. */
  Path path() {
    return folder;
  }

  /** A file in it. */
  Path file(String name) {
    return folder.resolve(name);
  }

  @Override
  public void close() {
    FileChannel open = channel;
    if (open != null) {
      channel = null;
      try {
        open.close();
      } catch (IOException e) {
        throw BadInputException.file("unlock", folder, e);
      }
    }
  }
}
