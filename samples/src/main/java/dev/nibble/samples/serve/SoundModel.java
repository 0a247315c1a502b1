package dev.nibble.samples.serve;

import dev.nibble.engine.exchange.ExchangeException;
import dev.nibble.engine.model.ModelFile;
import dev.nibble.engine.network.Network;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** Whether a model can answer at all: one that diverged holds weights that are no numbers. */
final class SoundModel {
  private SoundModel() {}

  /**
   * Reads all weights and running statistics of a model, as they would be to serve.
   *
   * @throws ExchangeException if the file holds no model, or one of its values is not finite
   */
  static void check(Path model) {
    Network network;
    try {
      network = ModelFile.info(model).network();
    } catch (IllegalArgumentException e) {
      throw new ExchangeException("%s is of no use: %s".formatted(model, e.getMessage()), e);
    }
    ModelFile.load(model, network, parameter -> MemorySegment.ofArray(new float[parameter.size()]));
  }
}
