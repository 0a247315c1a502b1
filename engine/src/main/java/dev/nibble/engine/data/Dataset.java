package dev.nibble.engine.data;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Labelled pictures of one size, read one at a time into off-heap memory. Implement it to train on
 * pictures of your own; {@link dev.nibble.engine.data.sources.InMemoryDataset} holds some in
 * memory, {@link dev.nibble.engine.data.views.Datasets} joins and parts data sets.
 *
 * <p>Every method but {@link #close} may be called by any number of threads at once. A data set
 * must not be closed while another thread reads it.
 */
public interface Dataset extends AutoCloseable {
  /** Pictures in this data set, at least 1. */
  int size();

  /** Rows of a picture. */
  int height();

  /** Columns of a picture. */
  int width();

  /** Bytes a pixel: 3 (red, green, blue) or 1 (grey). */
  int channels();

  /** Names of the classes; a label is an index into this list. */
  List<String> classNames();

  /**
   * Label of a picture, validated when the data set was opened: 0 to {@code classNames().size() -
   * 1}.
   *
   * @throws IndexOutOfBoundsException if there is no such picture
   */
  int label(int index);

  /**
   * Copies a picture as {@link #pictureBytes} bytes of 0..255, height x width x channels (channels
   * fastest), to {@code target} at {@code offset}.
   *
   * @throws IndexOutOfBoundsException if there is no such picture, or it does not fit the target
   * @throws DataException if the picture cannot be read
   */
  void read(int index, MemorySegment target, long offset);

  /**
   * Copies a random part of a picture, scaled to this data set's size, as {@link #read} copies the
   * whole: 8 to 100 % of its area, between 3:4 and 4:3. By default it is a part of what {@code
   * read} gives; a data set that has its pictures in another size takes the part from that ({@link
   * RandomResizedCrop}).
   *
   * @param key what is drawn from: the same part for the same key
   * @throws IndexOutOfBoundsException if there is no such picture, or it does not fit the target
   * @throws DataException if the picture cannot be read
   */
  default void readPart(int index, long key, MemorySegment target, long offset) {
    read(index, target, offset);
    byte[] pixels = target.asSlice(offset, pictureBytes()).toArray(JAVA_BYTE);
    PictureSize size = new PictureSize(height(), width());
    byte[] part = RandomResizedCrop.of(pixels, height(), width(), channels(), key, size);
    MemorySegment.copy(part, 0, target, JAVA_BYTE, offset, part.length);
  }

  /**
   * What a picture is known by, such as the name and the bytes of its file: a training run that is
   * resumed finds by it whether it has the pictures that it had. Empty, as it is unless overridden,
   * where nothing but its pixels tells it from others; either all pictures have one or none.
   *
   * @throws IndexOutOfBoundsException if there is no such picture
   */
  default String identity(int index) {
    return "";
  }

  /** What is told of a picture: its class, unless overridden. */
  default Task task() {
    return Task.CLASSIFICATION;
  }

  /**
   * Writes what a picture's outputs should be, fp32, one for each of {@link #classNames}: 1 at its
   * class and 0 elsewhere, unless overridden for {@linkplain #task other tasks}, which have 0 to 1
   * for each label, or finite numbers, and names of labels or of numbers. {@link #label} is then
   * without a meaning.
   *
   * @param target receives them at {@code offset}, a multiple of 4
   * @throws IndexOutOfBoundsException if there is no such picture, or they do not fit
   */
  default void targets(int index, MemorySegment target, long offset) {
    int label = label(index);
    int classes = classNames().size();
    for (int i = 0; i < classes; i++) {
      target.set(JAVA_FLOAT_UNALIGNED, offset + 4L * i, i == label ? 1 : 0);
    }
  }

  /** How pictures of other sizes came to this data set's: those to predict must come so, too. */
  default Resizing resizing() {
    return Resizing.STRETCH;
  }

  /** Bytes of one picture: height x width x channels. */
  default int pictureBytes() {
    return height() * width() * channels();
  }

  /** Pictures that were left out because they could not be read and the user asked to skip such. */
  default int skipped() {
    return 0;
  }

  /** Closes the files behind this data set; closing twice does nothing. */
  @Override
  void close();
}
