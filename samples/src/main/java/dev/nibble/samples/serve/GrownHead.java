package dev.nibble.samples.serve;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nibble.engine.exchange.SafetensorsFile;
import dev.nibble.engine.exec.Session;
import dev.nibble.engine.model.WarmStart;
import dev.nibble.engine.network.Parameter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * Keeps what the head knows when classes are added: new ones come after the old, so the old rows
 * are the first of the new head, and only the rest starts anew.
 */
final class GrownHead {
  private GrownHead() {}

  /**
   * Takes the old rows over.
   *
   * @param start how the other weights were taken over
   * @param file the old model
   */
  static void keepRows(WarmStart start, Path file, Session session) {
    if (!start.headReplaced()) {
      return;
    }
    try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
      for (String name : start.replaced()) {
        Parameter parameter = session.network().parameter(name);
        MemorySegment target = session.values(parameter);
        float[] rows = tensors.readFloats(name); // classes first, as PyTorch orders them
        for (int i = 0; i < Math.min(rows.length, parameter.size()); i++) {
          target.set(JAVA_FLOAT, 4L * parameter.memoryIndex(i), rows[i]);
        }
      }
    }
  }
}
