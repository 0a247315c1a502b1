package dev.nibble.samples;

import dev.nibble.engine.tensorboard.TensorBoardListener;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Where a run's events for TensorBoard go: nowhere, to the run's folder, or to one of their own.
 */
final class TensorBoardFolder {
  /** The setting, and its value for the run's own folder. */
  static final String SETTING = "tensorboard";

  static final String OWN = "run";

  private final @Nullable Path folder;

  private TensorBoardFolder(@Nullable Path folder) {
    this.folder = folder;
  }

  /** What the option {@code --tensorboard [FOLDER]} means as a setting; null without it. */
  static @Nullable String setting(@Nullable String given) {
    if (given == null || given.isEmpty()) {
      return given == null ? null : OWN;
    }
    return BadInputException.path(given).toAbsolutePath().normalize().toString();
  }

  /**
   * The folder of a run; one of its own is created, so that a wrong one is found before the run's.
   *
   * @throws BadInputException if it cannot be written
   */
  static TensorBoardFolder of(Settings settings, Path run) {
    String setting = settings.find(SETTING);
    if (setting == null) {
      return new TensorBoardFolder(null);
    }
    if (setting.equals(OWN)) {
      return new TensorBoardFolder(run);
    }
    Path folder = BadInputException.path(setting);
    try {
      Files.createDirectories(folder);
    } catch (FileAlreadyExistsException e) {
      throw new BadInputException(
          "Cannot make the folder %s: %s is a file.".formatted(folder, e.getMessage()), e);
    } catch (IOException e) {
      throw BadInputException.file("make the folder", folder, e);
    }
    if (!Files.isWritable(folder)) {
      throw new BadInputException(
          "Cannot write to %s: access is denied; choose another --tensorboard.".formatted(folder));
    }
    return new TensorBoardFolder(folder);
  }

  /** Starts an event file; null if none is wanted. */
  @Nullable TensorBoardListener open(MemoryAccount account, Consumer<String> warnings) {
    return folder == null ? null : TensorBoardListener.open(folder, account, warnings);
  }

  /** Both listeners, or the first if there is no second. */
  static TrainingListener both(TrainingListener first, @Nullable TensorBoardListener second) {
    return second == null ? first : TrainingListener.all(first, second);
  }
}
