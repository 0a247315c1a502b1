package dev.nibble.engine.data.sources;

import dev.nibble.engine.data.DataException;
import dev.nibble.engine.data.Dataset;
import dev.nibble.engine.data.Resizing;
import dev.nibble.engine.data.storage.DataFile;
import dev.nibble.engine.data.storage.PictureLabels;
import dev.nibble.engine.data.storage.TemporaryFile;
import dev.nibble.kernels.FeatureMap;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * Labelled pictures in a temporary file, for sources that can only be read from beginning to end;
 * made by a builder, then immutable. The system's page cache holds the pictures, not the process;
 * the file goes when the data set is closed, or with the process.
 */
public final class SpooledDataset implements Dataset {
  private final FeatureMap map;
  private final PictureLabels labels;
  private final DataFile file;
  private final int skipped;
  private final Resizing resizing;

  private SpooledDataset(Builder builder, int skipped) {
    this.map = builder.map;
    this.labels = builder.labels;
    this.file = builder.file;
    this.skipped = skipped;
    this.resizing = builder.resizing;
  }

  /**
   * Starts a data set.
   *
   * @param map shape of a picture
   * @param classNames names of the classes; labels are indexes into this list
   * @throws DataException if there is no class, a name twice, or no place for a temporary file
   */
  public static Builder builder(FeatureMap map, List<String> classNames) {
    PictureLabels labels = new PictureLabels(classNames);
    Path folder = Path.of(System.getProperty("java.io.tmpdir"));
    try {
      return new Builder(
          map,
          labels,
          new DataFile(folder.resolve("pictures"), TemporaryFile.open(), map.values()));
    } catch (IOException e) {
      throw new DataException(
          "Cannot make a temporary file in %s: %s; name another folder with -Djava.io.tmpdir."
              .formatted(folder, DataFile.reason(e)),
          e);
    }
  }

  /** Collects the pictures of a data set; used by one thread. */
  public static final class Builder implements AutoCloseable {
    private final FeatureMap map;
    private final PictureLabels labels;
    private final DataFile file;
    private Resizing resizing = Resizing.STRETCH;
    private boolean done;

    private Builder(FeatureMap map, PictureLabels labels, DataFile file) {
      this.map = map;
      this.labels = labels;
      this.file = file;
    }

    /**
     * Writes one picture.
     *
     * @param picture height x width x channels bytes of 0..255, channels fastest
     * @param label index of its class
     * @throws DataException if the picture has another size, there is no such class, or the disk is
     *     full
     */
    public Builder add(MemorySegment picture, int label) {
      checkOpen();
      int bytes = map.values();
      if (picture.byteSize() != bytes) {
        throw new DataException(
            "Picture %d has %d bytes, but one of %s has %d."
                .formatted(labels.size(), picture.byteSize(), map, bytes));
      }
      labels.check(label);
      if (!file.write((long) labels.size() * bytes, picture, 0)) {
        throw new DataException(
            "Cannot write picture %d to a temporary file in %s: make room there, or name another"
                    .formatted(labels.size(), file.path().getParent())
                + " folder with -Djava.io.tmpdir.");
      }
      labels.add(label);
      return this;
    }

    /** Says how pictures of other sizes came to this one's; stretched, unless told. */
    public Builder resizing(Resizing how) {
      resizing = how;
      return this;
    }

    /** Pictures so far. */
    public int size() {
      return labels.size();
    }

    /**
     * Finishes the data set, which then owns the file; the builder is of no use any more.
     *
     * @param skipped pictures that were left out ({@link Dataset#skipped})
     * @throws DataException if no picture was added
     * @throws IllegalStateException if it was finished or closed before
     */
    public SpooledDataset build(int skipped) {
      checkOpen();
      labels.checkNotEmpty();
      done = true;
      return new SpooledDataset(this, skipped);
    }

    private void checkOpen() {
      if (done) {
        throw new IllegalStateException("This builder has made its data set, or is closed");
      }
    }

    /** Deletes the file of a data set that was not finished; otherwise does nothing. */
    @Override
    public void close() {
      if (!done) {
        file.close();
      }
      done = true;
    }
  }

  @Override
  public int size() {
    return labels.size();
  }

  @Override
  public int height() {
    return map.height();
  }

  @Override
  public int width() {
    return map.width();
  }

  @Override
  public int channels() {
    return map.channels();
  }

  @Override
  public List<String> classNames() {
    return labels.classNames();
  }

  @Override
  public int label(int index) {
    return labels.get(index);
  }

  @Override
  public Resizing resizing() {
    return resizing;
  }

  @Override
  public int skipped() {
    return skipped;
  }

  @Override
  public void read(int index, MemorySegment target, long offset) {
    Objects.checkIndex(index, labels.size());
    Objects.checkFromIndexSize(offset, map.values(), target.byteSize());
    DataFile.Scratch record = file.read((long) index * map.values());
    try {
      MemorySegment.copy(record.bytes(), 0, target, offset, map.values());
    } finally {
      file.giveBack(record);
    }
  }

  @Override
  public void close() {
    file.close();
  }
}
