package dev.nibble.spark;

import dev.nibble.engine.infer.Predictor;
import dev.nibble.engine.infer.PredictorOptions;
import dev.nibble.memory.MemoryAccount;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.spark.SparkEnv;
import org.jspecify.annotations.Nullable;

/**
 * A model on its way to the executors, each of which keeps one of these for all its tasks: the
 * first opens a predictor, and the last one closes it.
 */
final class SharedPredictor implements Serializable {
  private static final long serialVersionUID = 1;

  /** Pictures that a task hands over at once. */
  static final int AT_ONCE = 32;

  @SuppressWarnings("serial") // the model's file
  private final byte[] model;

  private transient int users;
  private transient @Nullable MemoryAccount account;
  private transient @Nullable Predictor predictor;

  SharedPredictor(byte[] model) {
    this.model = model;
  }

  /** The executor's predictor, to be given back. */
  synchronized Predictor take() {
    Predictor open = predictor;
    if (open == null) {
      open = open();
      predictor = open;
    }
    users++;
    return open;
  }

  private Predictor open() {
    int cores = Runtime.getRuntime().availableProcessors();
    SparkEnv environment = SparkEnv.get();
    int slots =
        environment == null ? cores : environment.conf().getInt("spark.executor.cores", cores);
    PredictorOptions options =
        PredictorOptions.defaults()
            .withThreads(Math.clamp(slots, 1, cores))
            .withPicturesAtOnce(AT_ONCE);
    MemoryAccount own = MemoryAccount.root("nibble-spark", MemoryAccount.UNLIMITED);
    try {
      Path file = Scratch.file(model);
      try {
        Predictor open = Predictor.open(file, options, ExecutorKernels.choose(), own);
        account = own;
        return open;
      } finally {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("The model cannot be unpacked", e);
    } finally {
      if (account == null) {
        own.close();
      }
    }
  }

  /** One task less. */
  synchronized void giveBack() {
    users--;
    Predictor open = predictor;
    MemoryAccount own = account;
    if (users == 0 && open != null && own != null) {
      predictor = null;
      account = null;
      open.close();
      own.close();
    }
  }
}
