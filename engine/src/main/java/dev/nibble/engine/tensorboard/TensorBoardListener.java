package dev.nibble.engine.tensorboard;

import dev.nibble.engine.files.AtomicFile;
import dev.nibble.engine.files.Disk;
import dev.nibble.engine.network.Parameter;
import dev.nibble.engine.train.TrainingListener;
import dev.nibble.engine.train.TrainingRun;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.time.Clock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Writes a training's course as an event file for TensorBoard.
 *
 * <p>A step leaves the scalars {@code train/loss}, {@code train/accuracy}, {@code
 * train/learning_rate}, {@code train/images_per_second}, {@code memory/used_bytes} and, where
 * gradients are clipped, {@code train/gradient_norm}; an epoch {@code test/loss}, {@code
 * test/accuracy} and a histogram {@code weights/NAME} of every parameter, running statistics
 * included. A run that is resumed begins another file in the folder, and TensorBoard forgets the
 * steps that are taken again.
 *
 * <p>Every event is written at once. Should the disk fail, the run goes on without: there is one
 * warning, and the events until then stay readable.
 */
public final class TensorBoardListener implements TrainingListener, AutoCloseable {
  /** What writes events. */
  @FunctionalInterface
  private interface Body {
    void write(EventWriter writer) throws IOException;
  }

  private final EventWriter writer;
  private final MemoryAccount account;
  private final Consumer<String> warnings;
  private @Nullable TrainingRun run;
  private boolean failed;

  private TensorBoardListener(
      EventWriter writer, MemoryAccount account, Consumer<String> warnings) {
    this.writer = writer;
    this.account = account;
    this.warnings = warnings;
  }

  /**
   * Begins an event file in a folder, which is created if need be.
   *
   * @param account whose used bytes are shown
   * @param warnings gets a sentence if the file cannot be written any more
   * @throws TensorBoardException if the folder or the file cannot be written
   */
  public static TensorBoardListener open(
      Path folder, MemoryAccount account, Consumer<String> warnings) {
    return open(folder, account, warnings, Disk.system(), Clock.systemUTC());
  }

  /** As the other one, with the sentence as a warning in the log. */
  public static TensorBoardListener open(Path folder, MemoryAccount account) {
    System.Logger logger = System.getLogger("dev.nibble.engine.tensorboard");
    return open(folder, account, warning -> logger.log(Level.WARNING, warning));
  }

  static TensorBoardListener open(
      Path folder, MemoryAccount account, Consumer<String> warnings, Disk disk, Clock clock) {
    try {
      return new TensorBoardListener(EventWriter.create(disk, folder, clock), account, warnings);
    } catch (IOException e) {
      throw new TensorBoardException(
          "Cannot write TensorBoard's events to the folder %s: %s; choose another one."
              .formatted(folder, AtomicFile.reason(e)),
          e);
    }
  }

  /** The event file. */
  public Path file() {
    return writer.path();
  }

  @Override
  public void onStart(TrainingRun started) {
    run = started;
    if (started.startStep() > 0) {
      write(out -> out.restart(started.startStep() + 1));
    }
  }

  @Override
  public void onStep(Step step) {
    write(
        out -> {
          out.scalar("train/loss", step.loss());
          out.scalar("train/accuracy", step.accuracy());
          out.scalar("train/learning_rate", step.rate());
          out.scalar("train/images_per_second", step.imagesPerSecond());
          if (Double.isFinite(step.gradientNorm())) {
            out.scalar("train/gradient_norm", step.gradientNorm());
          }
          out.scalar("memory/used_bytes", (double) account.used());
          out.write(step.step());
        });
  }

  @Override
  public void onEpoch(Epoch epoch) {
    write(
        out -> {
          String evaluated = epoch.onValidation() ? "validation" : "test";
          out.scalar(evaluated + "/loss", epoch.testLoss());
          out.scalar(evaluated + "/accuracy", epoch.testAccuracy());
          out.write(epoch.step());
          TrainingRun current = run;
          if (current != null) {
            for (Parameter parameter : current.parameters()) {
              out.histogram("weights/" + parameter.name(), current.values(parameter));
              out.write(epoch.step());
            }
          }
        });
  }

  private void write(Body body) {
    if (failed) {
      return;
    }
    try {
      body.write(writer);
    } catch (IOException e) {
      failed = true;
      warnings.accept(
          "Cannot write %s: %s; training goes on without TensorBoard."
              .formatted(file(), AtomicFile.reason(e)));
    }
  }

  @Override
  public void close() {
    run = null;
    try {
      writer.close();
    } catch (IOException e) {
      if (!failed) {
        warnings.accept("Cannot close %s: %s.".formatted(file(), AtomicFile.reason(e)));
      }
    }
  }
}
