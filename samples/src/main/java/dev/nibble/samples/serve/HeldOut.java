package dev.nibble.samples.serve;

import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.infer.Classes;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.Slab;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/** Measures models on the held-out pictures, as they will answer requests. */
final class HeldOut {
  private static final int CHUNK = 32;

  private HeldOut() {}

  /**
   * Share of the pictures that a model classifies correctly. A picture of a class that it does not
   * know counts as wrong.
   *
   * @param data its classes begin with the model's
   * @throws CancellationException if {@code cancelled} says so in between
   */
  static double accuracy(
      Predictor predictor, Dataset data, MemoryAccount account, BooleanSupplier cancelled) {
    int bytes = data.pictureBytes();
    int classes = predictor.classes();
    float[] logits = new float[CHUNK * classes];
    long correct = 0;
    try (Slab slab =
        Slab.allocate(account, Slab.sizeFor((long) CHUNK * bytes), "held-out pictures")) {
      MemorySegment pictures = slab.segment();
      for (int from = 0; from < data.size(); from += CHUNK) {
        if (cancelled.getAsBoolean()) {
          throw new CancellationException();
        }
        int count = Math.min(CHUNK, data.size() - from);
        for (int i = 0; i < count; i++) {
          data.read(from + i, pictures, (long) i * bytes);
        }
        predictor.predictBytes(pictures, count, MemorySegment.ofArray(logits));
        for (int i = 0; i < count; i++) {
          correct += Classes.largest(logits, i, classes) == data.label(from + i) ? 1 : 0;
        }
      }
    }
    return (double) correct / data.size();
  }
}
