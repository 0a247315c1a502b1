package dev.nibble.samples.serve;

import dev.nibble.engine.model.ModelFile;
import dev.nibble.kernels.FeatureMap;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Takes a model from elsewhere as the first version. */
final class FirstVersion {
  private FirstVersion() {}

  /**
   * Copies it, and lets it serve.
   *
   * @param weights a model file, which stays as it is
   * @param input shape of the data's pictures
   * @throws ServiceException if it cannot be copied, or reads other pictures
   * @throws dev.nibble.engine.exchange.ExchangeException if it is no model
   */
  static void take(ModelRegistry models, Path weights, FeatureMap input) {
    // All that can be wrong with it is said of the user's file, not of a copy.
    FeatureMap reads = ModelFile.info(weights).input();
    if (!reads.equals(input)) {
      throw new ServiceException(
          "%s reads pictures of %s, but those of the data are %s: choose the data it was made for."
              .formatted(weights, reads, input));
    }
    SoundModel.check(weights);
    Path candidate = models.candidate();
    try {
      Files.copy(weights, candidate, StandardCopyOption.REPLACE_EXISTING);
      try (FileChannel copy = FileChannel.open(candidate, StandardOpenOption.WRITE)) {
        copy.force(true);
      }
      Serving serving = models.open(candidate, models.nextNumber());
      boolean done = false;
      try {
        done = models.accept(candidate, serving, null, null, 0);
      } finally {
        if (!done) {
          serving.release();
        }
      }
    } catch (IOException e) {
      throw ServiceException.file("copy", weights, e);
    } finally {
      ModelFolder.delete(candidate);
    }
  }
}
