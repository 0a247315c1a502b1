package dev.nibble.samples.serve;

import dev.nibble.engine.exchange.DType;
import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.exchange.SafetensorsFile;
import java.nio.file.Path;

/** Whether a model can answer at all: one that diverged holds weights that are no numbers. */
final class SoundModel {
  private SoundModel() {}

  /**
   * Reads all weights and running statistics of a model.
   *
   * @throws ExchangeException if one is infinite or no number, or the file can't be read
   */
  static void check(Path model) {
    try (SafetensorsFile file = SafetensorsFile.open(model)) {
      for (String name : file.names()) {
        if (file.dtype(name) != DType.F32) {
          continue;
        }
        for (float value : file.readFloats(name)) {
          if (!Float.isFinite(value)) {
            throw new ExchangeException(
                "%s is of a training that diverged: its tensor %s holds %s; take another model."
                    .formatted(model, name, value));
          }
        }
      }
    }
  }
}
