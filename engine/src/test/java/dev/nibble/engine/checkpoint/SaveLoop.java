package dev.nibble.engine.checkpoint;

import java.nio.file.Path;
import java.util.Optional;

/** A process that resumes from a store and saves without end, telling each step once it is safe. */
public final class SaveLoop {
  static final int BYTES = 100_000;

  private SaveLoop() {}

  /** Runs until it is killed; the argument is the folder. */
  public static void main(String[] arguments) {
    CheckpointStore store = new CheckpointStore(Path.of(arguments[0]));
    long step = 0;
    Optional<LoadedCheckpoint> latest = store.loadLatest(System.err::println);
    if (latest.isPresent()) {
      try (LoadedCheckpoint loaded = latest.get()) {
        step = loaded.meta().step();
      }
    }
    while (!System.out.checkError()) {
      step++;
      store.save(Checkpoints.meta(step), Checkpoints.sections(step, BYTES));
      System.out.println("saved " + step + ".");
    }
  }
}
