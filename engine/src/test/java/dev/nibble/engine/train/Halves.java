package dev.nibble.engine.train;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.Task;
import dev.nibble.kernels.FeatureMap;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Pictures whose halves are dark or bright, each by itself; what is told: which halves are bright,
 * how bright the whole is, or which of the two is brighter.
 */
record Halves(int size, long seed, Task task) implements Dataset {
  static final FeatureMap MAP = new FeatureMap(8, 8, 3);

  private SplittableRandom random(int index) {
    return new SplittableRandom(seed * 1000 + index);
  }

  @Override
  public int height() {
    return MAP.height();
  }

  @Override
  public int width() {
    return MAP.width();
  }

  @Override
  public int channels() {
    return MAP.channels();
  }

  @Override
  public List<String> classNames() {
    return task == Task.REGRESSION ? List.of("brightness") : List.of("left", "right");
  }

  private double half(int index, int side) {
    SplittableRandom random = random(index);
    double left = random.nextDouble();
    return side == 0 ? left : random.nextDouble();
  }

  @Override
  public int label(int index) {
    return task == Task.CLASSIFICATION && half(index, 1) > half(index, 0) ? 1 : 0;
  }

  @Override
  public void targets(int index, MemorySegment target, long offset) {
    float[] values =
        switch (task) {
          case CLASSIFICATION -> new float[] {1 - label(index), label(index)};
          case MULTI_LABEL ->
              new float[] {half(index, 0) > 0.5 ? 1 : 0, half(index, 1) > 0.5 ? 1 : 0};
          case REGRESSION -> new float[] {(float) (half(index, 0) + half(index, 1))};
        };
    MemorySegment.copy(MemorySegment.ofArray(values), 0, target, offset, 4L * values.length);
  }

  @Override
  public void read(int index, MemorySegment target, long offset) {
    for (int i = 0; i < MAP.values(); i++) {
      int side = i / MAP.channels() % MAP.width() < MAP.width() / 2 ? 0 : 1;
      target.set(JAVA_BYTE, offset + i, (byte) (255 * half(index, side)));
    }
  }

  @Override
  public void close() {}
}
