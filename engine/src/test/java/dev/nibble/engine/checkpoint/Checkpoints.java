package dev.nibble.engine.checkpoint;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Small checkpoints whose content follows from their step. */
final class Checkpoints {
  private Checkpoints() {}

  static CheckpointMeta meta(long step) {
    return new CheckpointMeta(
        Map.of("model", "resnet20"), step, 3, -42, Map.of("position", "128"), 0.5f);
  }

  /** Returns sections of so many bytes together. */
  static List<Section> sections(long step, int bytes) {
    byte[] weights = new byte[bytes / 2];
    byte[] momentum = new byte[bytes - weights.length];
    Random random = new Random(step);
    random.nextBytes(weights);
    random.nextBytes(momentum);
    return List.of(
        new Section("weights", MemorySegment.ofArray(weights)),
        new Section("momentum", MemorySegment.ofArray(momentum)));
  }

  /** Returns whether a checkpoint holds exactly what these functions gave for its step. */
  static boolean isIntact(LoadedCheckpoint checkpoint, int bytes) {
    for (Section section : sections(checkpoint.meta().step(), bytes)) {
      MemorySegment read = MemorySegment.ofArray(new byte[(int) section.data().byteSize()]);
      checkpoint.copySection(section.name(), read);
      if (read.mismatch(section.data()) != -1) {
        return false;
      }
    }
    return checkpoint.meta().equals(meta(checkpoint.meta().step()));
  }
}
