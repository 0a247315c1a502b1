package dev.nibble.engine.data.sources;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.random.SplitMix64;
import dev.nibble.engine.data.storage.ObjectPool;
import dev.nibble.engine.data.storage.PictureCache;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * The embedded data set: 32x32x3 pictures of ten kinds of textured shapes, drawn when they are
 * read.
 *
 * <p>Picture {@code index} shows class {@code index % 10}, so classes are balanced; everything else
 * about it is a function of seed, split and index, the same bytes on every machine.
 */
public final class ShapesDataset implements Dataset {
  /** Pictures of the training split. */
  public static final int TRAIN_SIZE = 12_000;

  /** Pictures of the test split. */
  public static final int TEST_SIZE = 2_000;

  private static final ShapeOutline[] OUTLINES = ShapeOutline.values();
  private static final List<String> CLASS_NAMES =
      Arrays.stream(OUTLINES).map(o -> o.name().toLowerCase(Locale.ROOT)).toList();

  private final long key;
  private final int size;
  private final ObjectPool<ShapePainter> painters = new ObjectPool<>(ShapePainter::new);

  /** Drawing costs some 30 microseconds a picture, reading it back 2. */
  private final PictureCache cache;

  private ShapesDataset(long seed, int split, int size) {
    this.key = SplitMix64.key(seed, split);
    this.size = size;
    this.cache =
        PictureCache.create(size, ShapePainter.SIDE * ShapePainter.SIDE * ShapePainter.CHANNELS);
  }

  /** The 12,000 training pictures of a seed. */
  public static ShapesDataset train(long seed) {
    return train(seed, TRAIN_SIZE);
  }

  /**
   * The first {@code size} training pictures of a seed.
   *
   * @throws DataException if the size is not positive
   */
  public static ShapesDataset train(long seed, int size) {
    return new ShapesDataset(seed, 0, checkSize(size));
  }

  /** The 2,000 test pictures of a seed; none of them is a training picture. */
  public static ShapesDataset test(long seed) {
    return test(seed, TEST_SIZE);
  }

  /**
   * The first {@code size} test pictures of a seed.
   *
   * @throws DataException if the size is not positive
   */
  public static ShapesDataset test(long seed, int size) {
    return new ShapesDataset(seed, 1, checkSize(size));
  }

  private static int checkSize(int size) {
    if (size < 1) {
      throw new DataException(
          "A shapes data set needs at least 1 picture, not %d.".formatted(size));
    }
    return size;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public int height() {
    return ShapePainter.SIDE;
  }

  @Override
  public int width() {
    return ShapePainter.SIDE;
  }

  @Override
  public int channels() {
    return ShapePainter.CHANNELS;
  }

  @Override
  public List<String> classNames() {
    return CLASS_NAMES;
  }

  @Override
  public int label(int index) {
    return Objects.checkIndex(index, size) % OUTLINES.length;
  }

  @Override
  public void read(int index, MemorySegment target, long offset) {
    int label = label(index);
    Objects.checkFromIndexSize(offset, pictureBytes(), target.byteSize());
    if (cache.read(index, target, offset)) {
      return;
    }
    ShapePainter painter = painters.borrow();
    try {
      painter.paint(OUTLINES[label], SplitMix64.key(key, index), target, offset);
    } finally {
      painters.giveBack(painter);
    }
    cache.write(index, target, offset);
  }

  @Override
  public void close() {
    cache.close();
  }
}
