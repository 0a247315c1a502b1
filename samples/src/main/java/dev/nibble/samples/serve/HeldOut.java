package dev.nibble.samples.serve;

import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.infer.Classes;
import dev.nibble.engine.infer.Predictor;
import dev.nibble.memory.MemoryAccount;
import dev.nibble.memory.Slab;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/** Measures models on the held-out pictures, as they will answer requests. */
final class HeldOut {
  private static final int CHUNK = 32;

  private HeldOut() {}

  /**
   * What a model classifies correctly. A picture of a class that it does not know counts as wrong,
   * and so does one whose answer is not finite throughout.
   *
   * @param data its classes begin with the model's
   * @throws CancellationException if {@code cancelled} says so in between
   */
  static Scores measure(
      Predictor predictor, Dataset data, MemoryAccount account, BooleanSupplier cancelled) {
    int bytes = data.pictureBytes();
    int classes = predictor.classes();
    float[] logits = new float[CHUNK * classes];
    int[] correct = new int[data.classNames().size()];
    int[] pictures = new int[correct.length];
    int senseless = 0;
    try (Slab slab =
        Slab.allocate(account, Slab.sizeFor((long) CHUNK * bytes), "held-out pictures")) {
      MemorySegment chunk = slab.segment();
      for (int from = 0; from < data.size(); from += CHUNK) {
        if (cancelled.getAsBoolean()) {
          throw new CancellationException();
        }
        int count = Math.min(CHUNK, data.size() - from);
        for (int i = 0; i < count; i++) {
          data.read(from + i, chunk, (long) i * bytes);
        }
        predictor.predictBytes(chunk, count, MemorySegment.ofArray(logits));
        for (int i = 0; i < count; i++) {
          int label = data.label(from + i);
          pictures[label]++;
          if (!isFinite(logits, i, classes)) {
            senseless++;
          } else if (Classes.largest(logits, i, classes) == label) {
            correct[label]++;
          }
        }
      }
    }
    List<Scores.OfClass> list = new ArrayList<>();
    for (int c = 0; c < correct.length; c++) {
      list.add(new Scores.OfClass(data.classNames().get(c), correct[c], pictures[c]));
    }
    return new Scores(list, senseless);
  }

  /** Whether all of a picture's logits are numbers that can be compared. */
  static boolean isFinite(float[] logits, int picture, int classes) {
    for (int c = 0; c < classes; c++) {
      if (!Float.isFinite(logits[picture * classes + c])) {
        return false;
      }
    }
    return true;
  }
}
