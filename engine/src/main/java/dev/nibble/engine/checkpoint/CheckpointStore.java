package dev.nibble.engine.checkpoint;

import dev.nibble.engine.events.CheckpointEvent;
import dev.nibble.engine.files.AtomicFile;
import dev.nibble.engine.files.Disk;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The last few checkpoints of one run, in a folder, as {@code step-000000400.nibble}.
 *
 * <p>Once {@link #save} has returned, no kill and no loss of power loses that checkpoint; before
 * that, the one before it is untouched. One process at a time may save into a folder.
 */
public final class CheckpointStore {
  /** How many are kept unless told otherwise: should the last be damaged, one is left. */
  public static final int DEFAULT_KEEP = 2;

  private static final Pattern NAME = Pattern.compile("step-([0-9]{9,18})\\.nibble");
  private static final Pattern TEMPORARY = Pattern.compile("step-[0-9]{9,18}\\.nibble\\.tmp");

  /** A checkpoint by its name; whether it is whole is another question. */
  private record Entry(long step, Path path) {}

  private final Path folder;
  private final int keep;
  private final Disk disk;

  /** Returns the store of a folder, which need not exist yet; the last two are kept. */
  public CheckpointStore(Path folder) {
    this(folder, DEFAULT_KEEP);
  }

  /**
   * Returns the store of a folder, which need not exist yet.
   *
   * @param keep how many checkpoints are kept, at least 1
   * @throws IllegalArgumentException if fewer than one is to be kept
   */
  public CheckpointStore(Path folder, int keep) {
    this(folder, keep, Disk.system());
  }

  CheckpointStore(Path folder, int keep, Disk disk) {
    if (keep < 1) {
      throw new IllegalArgumentException("keep is " + keep + ", give 1 or more");
    }
    this.folder = folder;
    this.keep = keep;
    this.disk = disk;
  }

  /** Returns the folder. */
  public Path folder() {
    return folder;
  }

  /**
   * Returns the checkpoints by their names, newest first, without looking into them.
   *
   * @throws CheckpointException if the folder cannot be read
   */
  public List<Path> list() {
    return entries().stream().map(Entry::path).toList();
  }

  /**
   * Saves a checkpoint and then deletes those beyond the number to keep.
   *
   * <p>A checkpoint of the same step is replaced. A later one means that the folder is another
   * run's, and is refused, unless it is damaged: this run went on before it, so it is set aside
   * under the additional suffix {@code .unusable}.
   *
   * @return where it lies
   * @throws CheckpointException if it could not be written; older ones are then as they were
   * @throws IllegalArgumentException if two sections have one name
   */
  public Path save(CheckpointMeta meta, List<Section> sections) {
    Path file = saveBeside(meta, sections);
    deleteOldOnes(file);
    return file;
  }

  /**
   * Saves a checkpoint as {@link #save} does, but deletes none.
   *
   * @return where it lies
   * @throws CheckpointException if it could not be written; older ones are then as they were
   * @throws IllegalArgumentException if two sections have one name
   */
  public Path saveBeside(CheckpointMeta meta, List<Section> sections) {
    CheckpointEvent event = new CheckpointEvent();
    event.begin();
    Path file = file(meta.step());
    try {
      if (!Files.isDirectory(folder)) {
        Files.createDirectories(folder);
        disk.forceFolder(AtomicFile.folder(folder));
      }
      // Before the new one is written: on a full disk they may be what stands in its way.
      deleteTemporaries();
      setLaterOnesAside(meta.step());
      AtomicFile.write(disk, file, out -> CheckpointFormat.write(out, meta, sections));
    } catch (IOException e) {
      throw new CheckpointException(
          "Cannot save checkpoint " + file + ": " + AtomicFile.reason(e) + ".", e);
    }
    event.end();
    if (event.shouldCommit()) {
      event.saved(meta.step(), file.toString(), file.toFile().length());
      event.commit();
    }
    logger().log(Level.DEBUG, "Saved checkpoint {0}.", file);
    return file;
  }

  private Path file(long step) {
    return folder.resolve(String.format(Locale.ROOT, "step-%09d.nibble", step));
  }

  /**
   * Takes a checkpoint out of the list under an additional suffix; does nothing if there is none of
   * that step.
   *
   * @param why the suffix, such as {@code unusable}
   * @throws CheckpointException if the file cannot be renamed
   */
  public void setAside(long step, String why) {
    Path file = file(step);
    if (!Files.exists(file)) {
      return;
    }
    try {
      setAside(file, why);
    } catch (IOException e) {
      throw new CheckpointException(
          "Cannot set checkpoint " + file + " aside: " + AtomicFile.reason(e) + ".", e);
    }
  }

  private void setAside(Path file, String why) throws IOException {
    disk.rename(file, file.resolveSibling(file.getFileName() + "." + why));
  }

  /**
   * Opens the newest checkpoint that is whole; the caller closes it.
   *
   * @param warnings gets a sentence for each newer one that is not
   * @return nothing if the folder is empty or does not exist
   * @throws CheckpointException if there are checkpoints but none is whole
   */
  public Optional<LoadedCheckpoint> loadLatest(Consumer<String> warnings) {
    List<Entry> entries = entries();
    List<String> faults = new ArrayList<>();
    for (Entry entry : entries) {
      LoadedCheckpoint checkpoint;
      try {
        checkpoint = LoadedCheckpoint.open(entry.path());
      } catch (CheckpointException e) {
        faults.add(String.valueOf(e.getMessage()));
        continue;
      }
      for (String fault : faults) {
        warnings.accept(fault + " Using " + entry.path().getFileName() + " instead.");
      }
      return Optional.of(checkpoint);
    }
    if (entries.isEmpty()) {
      return Optional.empty();
    }
    throw new CheckpointException(
        "No checkpoint in " + folder + " can be used. " + String.join(" ", faults));
  }

  /** As {@link #loadLatest(Consumer)}, with the sentences as warnings in the log. */
  public Optional<LoadedCheckpoint> loadLatest() {
    return loadLatest(warning -> logger().log(Level.WARNING, warning));
  }

  private static System.Logger logger() {
    return System.getLogger("dev.nibble.engine.checkpoint");
  }

  private List<Entry> entries() {
    if (!Files.exists(folder)) {
      return List.of();
    }
    List<Entry> entries = new ArrayList<>();
    for (Path path : files()) {
      Matcher name = NAME.matcher(String.valueOf(path.getFileName()));
      if (name.matches()) {
        entries.add(new Entry(Long.parseLong(name.group(1)), path));
      }
    }
    entries.sort(Comparator.comparingLong(Entry::step).reversed());
    return entries;
  }

  private List<Path> files() {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    } catch (UncheckedIOException e) {
      throw unreadable(new IOException(e.getMessage(), e));
    } catch (IOException e) {
      throw unreadable(e);
    }
  }

  private CheckpointException unreadable(IOException e) {
    return new CheckpointException(
        "Cannot read checkpoint folder " + folder + ": " + AtomicFile.reason(e) + ".", e);
  }

  private void setLaterOnesAside(long step) throws IOException {
    for (Entry entry : entries()) {
      if (entry.step() > step) {
        if (isWhole(entry.path())) {
          throw new CheckpointException(
              "%s already holds a checkpoint of step %d, later than step %d: resume it or choose another folder."
                  .formatted(folder, entry.step(), step));
        }
        setAside(entry.path(), "unusable");
      }
    }
  }

  private static boolean isWhole(Path path) {
    boolean interrupted = Thread.interrupted(); // it would look like damage
    try {
      while (true) {
        try {
          LoadedCheckpoint.open(path).close();
          return true;
        } catch (CheckpointException e) {
          if (!Thread.interrupted()) {
            return false;
          }
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void deleteTemporaries() throws IOException {
    for (Path path : files()) {
      if (TEMPORARY.matcher(String.valueOf(path.getFileName())).matches()) {
        Files.deleteIfExists(path);
      }
    }
  }

  private void deleteOldOnes(Path saved) {
    for (Entry entry : entries().stream().skip(keep).toList()) {
      try {
        Files.deleteIfExists(entry.path());
      } catch (IOException e) {
        throw new CheckpointException(
            "Checkpoint %s is saved, but the old one %s cannot be deleted: %s."
                .formatted(saved, entry.path(), AtomicFile.reason(e)),
            e);
      }
    }
  }
}
