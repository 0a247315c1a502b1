package dev.nibble.engine.data;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.List;

/** Pictures of 2x1x2 whose bytes are their index, and one that cannot be read. */
public record FakeDataset(int size, int broken) implements Dataset {
  @Override
  public int height() {
    return 2;
  }

  @Override
  public int width() {
    return 1;
  }

  @Override
  public int channels() {
    return 2;
  }

  @Override
  public List<String> classNames() {
    return List.of("a", "b", "c");
  }

  @Override
  public int label(int index) {
    return index % 3;
  }

  @Override
  public void read(int index, MemorySegment target, long offset) {
    if (index == broken) {
      throw new DataException("Picture %d is broken.".formatted(index));
    }
    for (int i = 0; i < 4; i++) {
      target.set(JAVA_BYTE, offset + i, (byte) index);
    }
  }

  @Override
  public void close() {
    // Nothing is open.
  }
}
